// Every method of RecommendationService with a profile store on another machine: calls wait for it without a thread.
#include <gmock/gmock.h>

#include <future>

#include "core/base/str_cat.h"
#include "server/profile_token.h"
#include "tests/unit/server/remote_store_server.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RemoteReadsTest : public testing::RemoteStoreServer {
 protected:
  static v1::RecommendRequest Of(const std::string& user) {
    v1::RecommendRequest request;
    request.mutable_subject()->set_user_id(user);
    return request;
  }
  // Users of all kinds of reads, read 0 of which is known to have a profile of version i + 1.
  std::vector<std::string> MixedUsers(int n) {
    std::vector<std::string> users;
    for (int i = 0; i < n; ++i) {
      const std::string user = StrCat("mixed-", i);
      store_.Share(ProfileOf(user, i + 1, StrCat("item-", i % 70)));
      testing::RemoteProfileStore::Behaviour behaviour;
      behaviour.at_once = i % 4 == 0;
      behaviour.delay = std::chrono::microseconds((i * 7919) % 2'000);  // in no order
      if (i % 5 == 1) behaviour.status = absl::UnavailableError("away");
      behaviour.stale = i % 5 == 2;
      store_.Behave(user, behaviour);
      users.push_back(user);
    }
    return users;
  }
  // What the answer about users[i] must say.
  template <typename Answer>
  static void ExpectMixed(int i, const Answer& answer) {
    EXPECT_EQ(answer.profile_version(), static_cast<uint64_t>(i + 1)) << "the last known profile is used";
    if (i % 5 == 1) {
      EXPECT_THAT(answer.degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE)) << i;
    } else if (i % 5 == 2) {
      EXPECT_THAT(answer.degradations(), ElementsAre(v1::DEGRADATION_STALE_PROFILE)) << i;
    } else {
      EXPECT_THAT(answer.degradations(), IsEmpty()) << i;
    }
  }
};

TEST_F(RemoteReadsTest, AListWaitsForTheProfile) {
  Serve(&store_);
  const std::vector<std::string> users = MixedUsers(20);
  for (int i = 0; i < 20; ++i) {
    const v1::RecommendResponse response = Recommend(users[i]);
    ExpectMixed(i, response);
    EXPECT_EQ(response.source(), v1::ANSWER_SOURCE_LIVE_PROFILE);
  }
  EXPECT_EQ(store_.fetches, 20);
  v1::RecommendRequest bad = Of("x");
  bad.set_page_size(-1);
  v1::RecommendResponse response;
  EXPECT_EQ(Ask(&Stub::Recommend, bad, &response).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(store_.fetches, 20) << "read for a request that is no good";
}

TEST_F(RemoteReadsTest, AReadKnowsTheVersionAndTheDeadlineOfItsCall) {
  Serve(&store_);
  v1::RecommendRequest request = Of("u");
  request.set_min_profile_version(5);
  store_.Share(ProfileOf("u", 3));
  v1::RecommendResponse response;
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(Ask(&Stub::Recommend, request, &response, 10'000).ok());
  EXPECT_THAT(response.degradations(), ElementsAre(v1::DEGRADATION_STALE_PROFILE));
  EXPECT_EQ(store_.last_options().min_version, 5u);
  EXPECT_GT(store_.last_options().deadline, before + std::chrono::seconds(5));
  EXPECT_LT(store_.last_options().deadline, std::chrono::steady_clock::now() + std::chrono::seconds(11));
  grpc::ClientContext context;  // without a deadline
  ASSERT_TRUE(stub_->Recommend(&context, request, &response).ok());
  EXPECT_EQ(store_.last_options().deadline, std::chrono::steady_clock::time_point::max());

  // A token of version 6 is new enough: what is stored need not be.
  ProfileCodecScratch scratch;
  EncodeProfileToken(ProfileOf("u", 6, "item-9"), &scratch, request.mutable_subject()->mutable_profile_token());
  ASSERT_TRUE(Ask(&Stub::Recommend, request, &response).ok());
  EXPECT_THAT(response.degradations(), IsEmpty());
  EXPECT_EQ(response.profile_version(), 6u);
  EXPECT_EQ(store_.last_options().min_version, 0u);
  store_.Share(ProfileOf("u", 8));
  ASSERT_TRUE(Ask(&Stub::Recommend, request, &response).ok());
  EXPECT_EQ(response.profile_version(), 8u);
}

TEST_F(RemoteReadsTest, SubjectsWithoutAUserReadNothing) {
  Serve(&store_);
  v1::RecommendRequest request;
  request.mutable_subject()->mutable_events()->add_events()->set_item_id("item-5");
  v1::RecommendResponse response;
  ASSERT_TRUE(Ask(&Stub::Recommend, request, &response).ok());
  EXPECT_EQ(response.source(), v1::ANSWER_SOURCE_INLINE_EVENTS);
  request.clear_subject();
  ASSERT_TRUE(Ask(&Stub::Recommend, request, &response).ok());
  EXPECT_EQ(store_.fetches, 0);
}

TEST_F(RemoteReadsTest, ABatchReadsManyAtATime) {
  Serve(&store_);
  const std::vector<std::string> users = MixedUsers(300);
  v1::BatchRecommendRequest batch;
  batch.mutable_request()->set_page_size(2);
  for (int i = 0; i < 300; ++i) {
    v1::Subject* subject = batch.add_subjects();
    if (i == 17) {
      subject->mutable_events()->add_events()->set_item_id("item-5");
    } else if (i == 18) {
      subject->set_profile_token("nonsense");
    } else if (i == 19) {
      ProfileCodecScratch scratch;
      EncodeProfileToken(ProfileOf(users[i], 2), &scratch, subject->mutable_profile_token());
    } else {
      subject->set_user_id(users[i]);
    }
  }
  v1::BatchRecommendResponse response;
  const grpc::Status status = Ask(&Stub::BatchRecommend, batch, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.results_size(), 300);
  for (int i = 0; i < 300; ++i) {
    const v1::RecommendResult& result = response.results(i);
    if (i == 17) {
      EXPECT_EQ(result.response().source(), v1::ANSWER_SOURCE_INLINE_EVENTS);
    } else if (i == 18) {
      EXPECT_EQ(result.status().code(), 3);
    } else {
      ExpectMixed(i, result.response());
    }
  }
  EXPECT_EQ(store_.fetches, 298);
}

TEST_F(RemoteReadsTest, ABatchesReadsGoOutTogether) {
  Serve(&store_);
  v1::BatchRecommendRequest batch;
  batch.mutable_request()->set_page_size(1);
  for (int i = 0; i < 100; ++i) batch.add_subjects()->set_user_id(StrCat("u", i));
  store_.Hold(true);
  auto answer = std::async(std::launch::async, [&] {
    v1::BatchRecommendResponse response;
    return Ask(&Stub::BatchRecommend, batch, &response);
  });
  EXPECT_TRUE(Await([this] { return store_.outstanding == 100; }));
  store_.Hold(false);
  EXPECT_TRUE(answer.get().ok());
}

TEST_F(RemoteReadsTest, AStreamReadsForEachMessage) {
  Serve(&store_);
  const std::vector<std::string> users = MixedUsers(350);
  v1::StreamRecommendRequest stream;
  stream.mutable_request()->set_page_size(2);
  for (const std::string& user : users) stream.add_subjects()->set_user_id(user);
  const std::string digest = Recommend("user-1").digest();
  grpc::ClientContext context;
  SetTimeout(&context);
  const auto reader = stub_->StreamRecommend(&context, stream);
  v1::StreamRecommendResponse message;
  int next = 0;
  while (reader->Read(&message)) {
    if (next == 0) Publish(2);
    EXPECT_EQ(message.first(), next);
    for (const auto& result : message.results()) {
      ExpectMixed(next, result.response());
      EXPECT_EQ(result.response().digest(), digest);
      ++next;
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(next, 350);
}

TEST_F(RemoteReadsTest, ScoresWaitForTheirProfiles) {
  Serve(&store_);
  const std::vector<std::string> users = MixedUsers(200);
  v1::ScoreItemsRequest request;
  for (const std::string& user : users) {
    auto* query = request.add_queries();
    query->mutable_subject()->set_user_id(user);
    query->add_item_ids("item-4");
  }
  request.mutable_queries(9)->clear_item_ids();
  v1::ScoreItemsResponse response;
  const grpc::Status status = Ask(&Stub::ScoreItems, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.results_size(), 200);
  for (int i = 0; i < 200; ++i) {
    if (i == 9) {
      EXPECT_EQ(response.results(i).status().code(), 3);
    } else {
      ExpectMixed(i, response.results(i));
    }
  }
}

TEST_F(RemoteReadsTest, ProfilesWaitToo) {
  Serve(&store_);
  const std::vector<std::string> users = MixedUsers(200);
  v1::BatchGetProfileRequest many;
  for (const std::string& user : users) many.add_user_ids(user);
  many.set_user_ids(50, "");
  v1::BatchGetProfileResponse profiles;
  ASSERT_TRUE(Ask(&Stub::BatchGetProfile, many, &profiles).ok());
  ASSERT_EQ(profiles.results_size(), 200);
  for (int i = 0; i < 200; ++i) {
    if (i == 50) {
      EXPECT_EQ(profiles.results(i).status().code(), 3);
      continue;
    }
    ExpectMixed(i, profiles.results(i).profile());
    if (i >= 20) continue;
    v1::GetProfileRequest request;
    request.set_user_id(users[i]);
    v1::GetProfileResponse response;
    ASSERT_TRUE(Ask(&Stub::GetProfile, request, &response).ok());
    EXPECT_EQ(response.SerializeAsString(), profiles.results(i).profile().SerializeAsString());
  }
}

TEST_F(RemoteReadsTest, ThousandsOfCallsWaitOnOneThreadWhichAnswersOthers) {
  constexpr int kCalls = 3'000;
  rpc::RpcServerOptions options;
  options.calls_per_method = kCalls + 1;
  options.max_concurrent_streams = 2 * kCalls;
  Serve(&store_, options);
  store_.Hold(true);
  struct Asked {
    grpc::ClientContext context;
    v1::RecommendResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::RecommendResponse>> reader;
  };
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Asked>> calls;
  for (int i = 0; i < kCalls; ++i) {
    store_.Share(ProfileOf(StrCat("u", i), i + 1));
    calls.push_back(std::make_unique<Asked>());
    Asked* const asked = calls.back().get();
    SetTimeout(&asked->context, 120'000);
    asked->reader = stub_->AsyncRecommend(&asked->context, Of(StrCat("u", i)), &queue);
    asked->reader->Finish(&asked->response, &asked->status, asked);
  }
  EXPECT_TRUE(Await([&] { return store_.outstanding == kCalls; }));
  v1::SimilarItemsRequest similar;
  similar.set_item_id("item-3");
  v1::SimilarItemsResponse nearest;
  EXPECT_TRUE(Ask(&Stub::SimilarItems, similar, &nearest).ok());
  store_.Hold(false);
  void* tag = nullptr;
  bool ok = false;
  int good = 0;
  for (int i = 0; i < kCalls && queue.Next(&tag, &ok); ++i) good += static_cast<Asked*>(tag)->status.ok();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  EXPECT_EQ(good, kCalls);
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(calls[i]->response.profile_version(), static_cast<uint64_t>(i + 1));
}

TEST_F(RemoteReadsTest, CallsThatEndWhileTheyWait) {
  Serve(&store_);
  for (const bool cancel : {true, false}) {
    store_.Hold(true);
    grpc::ClientContext context;
    SetTimeout(&context, cancel ? 20'000 : 1'000);
    v1::BatchRecommendRequest batch;
    batch.mutable_request()->set_page_size(1);
    for (int i = 0; i < 500; ++i) batch.add_subjects()->set_user_id(StrCat("u", i));
    auto answer = std::async(std::launch::async, [&] {
      v1::BatchRecommendResponse response;
      return stub_->BatchRecommend(&context, batch, &response);
    });
    EXPECT_TRUE(Await([this] { return store_.outstanding == 128; }));
    if (cancel) context.TryCancel();
    EXPECT_EQ(answer.get().error_code(), cancel ? grpc::CANCELLED : grpc::DEADLINE_EXCEEDED);
    // On the same connection after the cancellation: when this is answered, the worker has heard of that too.
    v1::SimilarItemsRequest similar;
    similar.set_item_id("item-3");
    v1::SimilarItemsResponse nearest;
    EXPECT_TRUE(Ask(&Stub::SimilarItems, similar, &nearest).ok());
    const int fetched = store_.fetches;
    store_.Hold(false);
    EXPECT_TRUE(Await([this] { return store_.outstanding == 0; }));
    Recommend("user-1");
    EXPECT_EQ(store_.fetches, fetched + 1) << "read on for nobody";
  }
}

TEST_F(RemoteReadsTest, TheServerStopsWhileCallsWait) {
  Serve(&store_);
  store_.Hold(true);
  std::vector<std::future<grpc::Status>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [this, i] {
      v1::RecommendResponse response;
      return Ask(&Stub::Recommend, Of(StrCat("u", i)), &response);
    }));
  }
  grpc::ClientContext context;
  v1::StreamRecommendRequest stream;
  stream.add_subjects()->set_user_id("u");
  const auto reader = stub_->StreamRecommend(&context, stream);
  EXPECT_TRUE(Await([this] { return store_.outstanding == 9; }));
  server_->Drain(std::chrono::milliseconds(10));
  for (auto& answer : answers) EXPECT_FALSE(answer.get().ok());
  v1::StreamRecommendResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_FALSE(reader->Finish().ok());
  auto stopped = std::async(std::launch::async, [this] { Halt(); });
  store_.Hold(false);
  stopped.get();
  EXPECT_EQ(store_.outstanding, 0);
}

}  // namespace
}  // namespace kindred
