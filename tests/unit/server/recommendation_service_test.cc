#include "server/recommendation_service.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "core/base/str_cat.h"
#include "server/memory_profile_store.h"
#include "tests/unit/server/service_test_server.h"

namespace kindred {
namespace {

using ::testing::SizeIs;

// A memory store whose reads the test watches, and may make as slow as it likes.
class WatchedStore final : public ProfileStore {
 public:
  std::string_view name() const override { return "watched"; }
  StoreDurability durability() const override { return StoreDurability::kMemory; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override {
    on_read(++reads);
    return store_.Get(user_id, profile);
  }
  absl::Status Commit(std::span<const Profile* const> profiles) override { return store_.Commit(profiles); }
  ProfileStoreCounts counts() const override { return store_.counts(); }

  std::atomic<int> reads{0};
  std::function<void(int)> on_read = [](int) {};  // set while nothing reads

 private:
  MemoryProfileStore store_;
};

class RecommendationServiceTest : public testing::ServiceTestServer {
 protected:
  ~RecommendationServiceTest() override { Stop(std::chrono::seconds(20)); }

  // Every 16th read, which is one a group of a batch, takes longer than a step may.
  static void BeSlow(int read) {
    if (read % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  WatchedStore store_;
};

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
