#include "server/recommendation_service.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "absl/strings/escaping.h"
#include "core/base/str_cat.h"
#include "tests/unit/server/service_test_server.h"
#include "tests/unit/server/watched_profile_store.h"

namespace kindred {
namespace {

using ::testing::SizeIs;

class RecommendationServiceTest : public testing::ServiceTestServer {
 protected:
  ~RecommendationServiceTest() override { Stop(std::chrono::seconds(20)); }

  // Every 16th read, which is one a group of a batch, takes longer than a step may.
  static void BeSlow(int read) {
    if (read % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  testing::WatchedProfileStore store_;
};

TEST_F(RecommendationServiceTest, AWorkerThatNobodyCallsLetsGoOfWhatIsNoLongerPublished) {
  Serve(&store_);
  const std::weak_ptr<const Model> before = models_.All().front();
  EXPECT_EQ(Recommend("ann").digest(), models_.All().front()->digest());
  Publish(2);
  EXPECT_TRUE(Await([&] { return before.expired(); }));
}

// As kindred replay does: the line names the generation, and has the profile as it was.
TEST_F(RecommendationServiceTest, ALoggedAnswerComesAgainWhateverTheUserDidSince) {
  v1::RequestLogConfig config;
  config.set_path(::testing::TempDir() + "service_test_requests.jsonl");
  config.set_percent(100);
  ASSERT_TRUE(CompleteRequestLog(&config).ok());
  std::filesystem::remove(config.path());
  auto log = *RequestLog::Open(config);
  log_ = log.get();
  Serve(&store_);
  Profile profile;
  profile.user_id = "ann";
  profile.version = 1;
  profile.events = {{"item-3", "", 1, 1.0, 0, 0}};
  const Profile* const stored = &profile;
  ASSERT_TRUE(store_.Commit({&stored, 1}).ok());
  const v1::RecommendResponse then = Recommend("ann");
  v1::SimilarItemsRequest similar;
  similar.set_item_id("item-3");
  v1::SimilarItemsResponse unused;
  ASSERT_TRUE(Ask(&Stub::SimilarItems, similar, &unused).ok());
  similar.set_item_id("nothing of the kind");
  ASSERT_FALSE(Ask(&Stub::SimilarItems, similar, &unused).ok());
  ASSERT_TRUE(Await([&] { return log->counts().written == 2; })) << "and no call that failed";

  std::ifstream file(config.path());
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  const auto logged = nlohmann::json::parse(line);
  EXPECT_EQ(logged["method"], "Recommend");
  EXPECT_EQ(logged["response"]["digest"], then.digest());
  std::string token;
  ASSERT_TRUE(absl::Base64Unescape(logged["profile_token"].get<std::string>(), &token));
  profile.version = 2;
  profile.events.push_back({"item-5", "", 2, 3.0, 0, 0});
  ASSERT_TRUE(store_.Commit({&stored, 1}).ok());
  v1::RecommendRequest again;
  again.mutable_subject()->set_profile_token(token);
  again.mutable_subject()->set_ignore_stored_profile(true);
  v1::RecommendResponse now;
  ASSERT_TRUE(Ask(&Stub::Recommend, again, &now).ok());
  // A page token is of its own request.
  now.set_next_page_token(then.next_page_token());
  EXPECT_EQ(now.DebugString(), then.DebugString());
  EXPECT_NE(Recommend("ann").DebugString(), then.DebugString());
  Stop(std::chrono::seconds(20));
  log.reset();
  std::filesystem::remove(config.path());
}

TEST_F(RecommendationServiceTest, ABatchLetsOthersBeAnsweredAndIsOfOneGeneration) {
  Serve(&store_);
  std::atomic<bool> batch_runs{false};
  std::atomic<uint32_t> next_seed{2};
  store_.on_read = [&](int read) {
    BeSlow(read);
    if (batch_runs && read % 256 == 0) Publish(next_seed++);
  };
  v1::BatchRecommendRequest batch;
  batch.mutable_request()->set_page_size(1);
  for (int i = 0; i < 1'000; ++i) batch.add_subjects()->set_user_id(StrCat("user-", i % 12));
  // Until somebody was answered in the middle of a batch, by another generation than it.
  const bool met = Await([&] {
    std::atomic<bool> done{false};
    std::set<std::string> of_others;
    batch_runs = true;
    std::thread others([&] {
      const auto other_connection = Connect();
      while (!done) {
        grpc::ClientContext context;
        SetTimeout(&context);
        v1::RecommendRequest request;
        v1::RecommendResponse response;
        request.mutable_subject()->set_user_id("user-1");
        EXPECT_TRUE(other_connection->Recommend(&context, request, &response).ok());
        if (!done) of_others.insert(response.digest());
      }
    });
    v1::BatchRecommendResponse response;
    const grpc::Status status = Ask(&Stub::BatchRecommend, batch, &response);
    done = true;
    batch_runs = false;
    others.join();
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::set<std::string> of_batch;
    for (const auto& result : response.results()) of_batch.insert(result.response().digest());
    EXPECT_EQ(response.results_size(), 1'000);
    EXPECT_THAT(of_batch, SizeIs(1));
    return of_others.size() > 1;
  });
  EXPECT_TRUE(met) << "no call was ever answered in the middle of a batch";
}

TEST_F(RecommendationServiceTest, AStreamIsOfTheGenerationThatItBeganWith) {
  Serve(&store_);
  v1::StreamRecommendRequest request;
  request.mutable_request()->set_page_size(1);
  for (int i = 0; i < 2'000; ++i) request.add_subjects()->set_user_id(StrCat("user-", i % 12));
  const std::weak_ptr<const Model> first = models_.Find("");
  store_.on_read = [&](int read) {
    BeSlow(read);
    if (read == 150) Publish(2);
  };
  {
    grpc::ClientContext context;
    SetTimeout(&context, 120'000);
    const auto reader = stub_->StreamRecommend(&context, request);
    v1::StreamRecommendResponse message;
    std::set<std::string> digests;
    int results = 0;
    while (reader->Read(&message)) {
      results += message.results_size();
      for (const auto& result : message.results()) digests.insert(result.response().digest());
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(results, 2'000);
    EXPECT_THAT(digests, SizeIs(1));
    EXPECT_FALSE(digests.contains(Recommend("user-1").digest()));
  }
  EXPECT_TRUE(Await([&] { return first.expired(); })) << "the stream is over, and holds its generation still";
}

TEST_F(RecommendationServiceTest, ACallThatEndsInTheMiddleLetsGoOfItsGeneration) {
  Serve(&store_);
  v1::BatchRecommendRequest batch;
  batch.mutable_request()->set_page_size(1);
  for (int i = 0; i < 1'000; ++i) batch.add_subjects()->set_user_id(StrCat("user-", i % 12));
  v1::StreamRecommendRequest stream;
  *stream.mutable_request() = batch.request();
  *stream.mutable_subjects() = batch.subjects();
  uint32_t seed = 1;
  for (const bool streams : {false, true, false, true}) {
    const std::weak_ptr<const Model> before = models_.Find("");
    grpc::ClientContext context;
    SetTimeout(&context);
    const int first = store_.reads;
    std::atomic<bool> cancelled{false};
    store_.on_read = [&, first](int read) {
      BeSlow(read);
      if (read != first + 100) return;
      context.TryCancel();
      cancelled = true;
    };
    if (streams) {
      const auto reader = stub_->StreamRecommend(&context, stream);
      v1::StreamRecommendResponse message;
      while (reader->Read(&message)) {
      }
      EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
    } else {
      v1::BatchRecommendResponse response;
      EXPECT_EQ(stub_->BatchRecommend(&context, batch, &response).error_code(), grpc::CANCELLED);
    }
    EXPECT_TRUE(Await([&] { return cancelled.load(); }));
    Publish(++seed);
    EXPECT_TRUE(Await([&] {
      Recommend("user-1");  // the worker looks at what is published
      return before.expired();
    })) << streams;
  }
}

}  // namespace
}  // namespace kindred
