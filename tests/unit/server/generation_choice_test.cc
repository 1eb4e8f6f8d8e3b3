// Which generation answers a call: canaries, labels, pages over a swap, and what is damaged while it answers.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/server/service_test_server.h"
#include "tests/unit/server/watched_profile_store.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details().empty()) return "";
  return details.details(0).UnpackTo(&info) ? info.reason() : "";
}

class GenerationChoiceTest : public testing::ServiceTestServer {
 protected:
  GenerationChoiceTest() {
    for (uint32_t version = 1; version <= 3; ++version) generations_[version] = testing::LoadGeneration(version);
    Serve(&store_);
    PublishWith(2, {1});
  }
  ~GenerationChoiceTest() override { Stop(std::chrono::seconds(20)); }

  // `serving` serves, `others` are ready.
  void PublishWith(uint32_t serving, std::vector<uint32_t> others, ModelRoutes routes = {}) {
    routes.serving = generations_[serving];
    for (const uint32_t version : others) routes.others.push_back(generations_[version]);
    models_.Publish(std::move(routes));
  }
  const Model& Generation(uint32_t version) { return *generations_[version]; }

  static v1::RecommendRequest For(const std::string& user, const std::string& model = "") {
    v1::RecommendRequest request;
    request.mutable_subject()->set_user_id(user);
    request.set_model(model);
    request.set_page_size(3);
    return request;
  }
  grpc::Status Ask(const v1::RecommendRequest& request, v1::RecommendResponse* response) {
    return ServiceTestServer::Ask(&Stub::Recommend, request, response);
  }
  std::string VersionFor(const v1::RecommendRequest& request) {
    v1::RecommendResponse response;
    const grpc::Status status = Ask(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.model(), "shop");
    return response.version();
  }

  testing::WatchedProfileStore store_;
  std::map<uint32_t, ModelHandle> generations_;
};

TEST_F(GenerationChoiceTest, ACanaryAnswersItsUsersAndNoOthers) {
  ModelRoutes routes;
  routes.canary = generations_[1];
  routes.canary_share = kWholeShare / 4;
  routes.labels = {{"canary", generations_[1]}};
  PublishWith(2, {1}, std::move(routes));
  int canaries = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string user = StrCat("someone-", i);
    const bool canary = IsCanaryUser("shop", user, kWholeShare / 4);
    canaries += canary ? 1 : 0;
    EXPECT_EQ(VersionFor(For(user)), canary ? "1" : "2") << user;
  }
  EXPECT_GT(canaries, 20);
  EXPECT_LT(canaries, 80);
  // Who has no user id is nobody's canary; a batch answers from one generation.
  v1::RecommendRequest anonymous;
  EXPECT_EQ(VersionFor(anonymous), "2");
  v1::BatchRecommendRequest batch;
  for (int i = 0; i < 50; ++i) batch.add_subjects()->set_user_id(StrCat("someone-", i));
  v1::BatchRecommendResponse response;
  ASSERT_TRUE(ServiceTestServer::Ask(&Stub::BatchRecommend, batch, &response).ok());
  for (const auto& result : response.results()) EXPECT_EQ(result.response().version(), "2");
}

TEST_F(GenerationChoiceTest, AReferenceNamesALabelOrAVersion) {
  ModelRoutes routes;
  routes.labels = {{"old", generations_[1]}};
  PublishWith(2, {1}, std::move(routes));
  EXPECT_EQ(VersionFor(For("user-1", "shop@old")), "1");
  EXPECT_EQ(VersionFor(For("user-1", "shop@1")), "1");
  EXPECT_EQ(VersionFor(For("user-1", "@2")), "2");
  v1::SimilarItemsRequest similar;
  similar.set_model("shop@old");
  similar.set_item_id("item-1");
  v1::SimilarItemsResponse items;
  ASSERT_TRUE(ServiceTestServer::Ask(&Stub::SimilarItems, similar, &items).ok());
  EXPECT_EQ(items.version(), "1");
  v1::RecommendResponse response;
  const grpc::Status unknown = Ask(For("user-1", "shop@9"), &response);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(unknown), "VERSION_NOT_FOUND");
  EXPECT_THAT(unknown.error_message(), HasSubstr("versions that are ready: 2, 1; labels: old (version 1)"));
}

TEST_F(GenerationChoiceTest, PagesGoOnFromTheGenerationThatBeganThem) {
  v1::RecommendRequest request = For("user-1");
  v1::RecommendResponse first, second, whole;
  ASSERT_TRUE(Ask(request, &first).ok());
  EXPECT_EQ(first.version(), "2");
  PublishWith(3, {2});
  request.set_page_token(first.next_page_token());
  ASSERT_TRUE(Ask(request, &second).ok());
  EXPECT_EQ(second.version(), "2");
  v1::RecommendRequest both = For("user-1", "shop@2");
  both.set_page_size(6);
  ASSERT_TRUE(Ask(both, &whole).ok());
  ASSERT_EQ(whole.items_size(), first.items_size() + second.items_size());
  for (int i = 0; i < second.items_size(); ++i) {
    EXPECT_EQ(second.items(i).item_id(), whole.items(first.items_size() + i).item_id());
  }
  // Once it is gone, or damaged, so is the list.
  generations_[2]->Poison();
  grpc::Status gone = Ask(request, &second);
  EXPECT_EQ(gone.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(gone), "GENERATION_GONE");
  PublishWith(3, {});
  gone = Ask(request, &second);
  EXPECT_EQ(ReasonOf(gone), "GENERATION_GONE");
}

TEST_F(GenerationChoiceTest, WhatIsDamagedWhileItAnswersIsAskedAgainOfTheOneBefore) {
  const int before = store_.reads;
  store_.on_read = [&](int read) {
    if (read == before + 1) generations_[2]->Poison();
  };
  v1::RecommendResponse response;
  ASSERT_TRUE(Ask(For("user-1"), &response).ok());
  EXPECT_EQ(response.version(), "1");
  EXPECT_EQ(response.digest(), Generation(1).digest());
  EXPECT_EQ(response.items_size(), 3);
  EXPECT_EQ(store_.reads, before + 2);
}

TEST_F(GenerationChoiceTest, WhereNothingIsSoundTheCallFailsAndSaysSo) {
  generations_[1]->Poison();
  store_.on_read = [&](int) { generations_[2]->Poison(); };
  v1::RecommendResponse response;
  const grpc::Status status = Ask(For("user-1"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "MODEL_DAMAGED");
}

TEST_F(GenerationChoiceTest, ABatchBeginsAgainFromItsFirstEntry) {
  v1::BatchRecommendRequest batch;
  batch.mutable_request()->set_page_size(2);
  for (int i = 0; i < 200; ++i) batch.add_subjects()->set_user_id(StrCat("user-", i % 12));
  v1::BatchRecommendResponse expected;
  batch.mutable_request()->set_model("shop@1");
  ASSERT_TRUE(ServiceTestServer::Ask(&Stub::BatchRecommend, batch, &expected).ok());
  const int before = store_.reads;
  store_.on_read = [&](int read) {
    // So that it goes over several steps.
    if (read % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (read == before + 150) generations_[2]->Poison();
  };
  batch.mutable_request()->clear_model();
  v1::BatchRecommendResponse response;
  ASSERT_TRUE(ServiceTestServer::Ask(&Stub::BatchRecommend, batch, &response).ok());
  EXPECT_GE(store_.reads, before + 350);
  ASSERT_EQ(response.results_size(), 200);
  EXPECT_EQ(response.SerializeAsString(), expected.SerializeAsString());
}

TEST_F(GenerationChoiceTest, AStreamThatHasBegunEndsAndSaysSo) {
  v1::StreamRecommendRequest request;
  request.mutable_request()->set_page_size(1);
  for (int i = 0; i < 1'000; ++i) request.add_subjects()->set_user_id(StrCat("user-", i % 12));
  const int before = store_.reads;
  for (const bool begun : {false, true}) {
    PublishWith(begun ? 1 : 2, begun ? std::vector<uint32_t>{3} : std::vector<uint32_t>{1});
    const uint32_t damaged = begun ? 1 : 2;
    const int at = store_.reads + (begun ? 500 : 20);
    store_.on_read = [&, damaged, at](int read) {
      if (read == at) generations_[damaged]->Poison();
    };
    grpc::ClientContext context;
    SetTimeout(&context);
    const auto reader = stub_->StreamRecommend(&context, request);
    v1::StreamRecommendResponse message;
    std::set<std::string> versions;
    int results = 0;
    while (reader->Read(&message)) {
      results += message.results_size();
      for (const auto& result : message.results()) versions.insert(result.response().version());
    }
    const grpc::Status status = reader->Finish();
    EXPECT_EQ(versions, std::set<std::string>{"1"});
    if (begun) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
      EXPECT_EQ(ReasonOf(status), "MODEL_DAMAGED");
      EXPECT_GT(results, 0);
      EXPECT_LT(results, 1'000);
    } else {
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(results, 1'000);
    }
  }
  EXPECT_GT(store_.reads, before);
}

TEST_F(GenerationChoiceTest, EveryMethodThatReadsAModelLooksAfterwards) {
  // All generations are found damaged while a call is answered: what the store is not asked for is damaged before.
  v1::GetProfileRequest profile;
  profile.set_user_id("user-1");
  v1::GetProfileResponse profile_response;
  store_.on_read = [&](int) { generations_[2]->Poison(); };
  ASSERT_TRUE(ServiceTestServer::Ask(&Stub::GetProfile, profile, &profile_response).ok());
  EXPECT_EQ(profile_response.version(), "1");

  PublishWith(1, {3});
  v1::ScoreItemsRequest score;
  v1::ScoreQuery* query = score.add_queries();
  query->mutable_subject()->set_user_id("user-1");
  query->add_item_ids("item-1");
  v1::ScoreItemsResponse scores;
  store_.on_read = [&](int) { generations_[1]->Poison(); };
  ASSERT_TRUE(ServiceTestServer::Ask(&Stub::ScoreItems, score, &scores).ok());
  EXPECT_EQ(scores.version(), "3");

  store_.on_read = [&](int) { generations_[3]->Poison(); };
  v1::BatchGetProfileRequest profiles;
  profiles.add_user_ids("user-1");
  v1::BatchGetProfileResponse profiles_response;
  EXPECT_EQ(ReasonOf(ServiceTestServer::Ask(&Stub::BatchGetProfile, profiles, &profiles_response)), "MODEL_DAMAGED");
}

}  // namespace
}  // namespace kindred
