#include "server/recommend_methods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/limits.h"
#include "tests/unit/server/flaky_profile_store.h"
#include "tests/unit/server/test_call.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RecommendMethodsTest : public ::testing::Test {
 protected:
  RecommendMethodsTest() : counters_(1), methods_(&models_, &store_, &counters_), state_(&models_, &availability_, 0) {
    Publish(1);
  }

  void Publish(uint32_t seed) {
    testing::BundleShape shape;
    shape.seed = seed;
    models_.Publish(testing::LoadTestModel(testing::BundleBuilder(shape)));
  }
  absl::Status Ask(const v1::RecommendRequest& request, v1::RecommendResponse* response) {
    response->Clear();
    return methods_.Recommend(request, nullptr, nullptr, &state_, response).status();
  }
  v1::RecommendResponse Answer(const v1::RecommendRequest& request) {
    v1::RecommendResponse response;
    const absl::Status status = Ask(request, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  absl::Status Batch(const v1::BatchRecommendRequest& request, v1::BatchRecommendResponse* response,
                     rpc::Call* call = nullptr) {
    CallProgress progress;
    return methods_.BatchRecommend(request, call, &progress, &state_, response).status();
  }
  absl::Status Score(const v1::ScoreItemsRequest& request, v1::ScoreItemsResponse* response) {
    CallProgress progress;
    return methods_.ScoreItems(request, nullptr, &progress, &state_, response).status();
  }
  std::string Problem(const v1::RecommendRequest& request) {
    v1::RecommendResponse response;
    const absl::Status status = Ask(request, &response);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return StrCat(status.message());
  }

  testing::FlakyProfileStore store_;
  ModelRegistry models_;
  AvailabilityRegistry availability_;
  ServiceCounters counters_;
  RecommendMethods methods_;
  WorkerState state_;
};

v1::RecommendRequest Of(const std::string& user) {
  v1::RecommendRequest request;
  request.mutable_subject()->set_user_id(user);
  return request;
}

std::vector<std::string> Ids(const v1::RecommendResponse& response) {
  std::vector<std::string> ids;
  for (const auto& item : response.items()) ids.push_back(item.item_id());
  return ids;
}

TEST_F(RecommendMethodsTest, PagesTogetherAreTheListAndEndWhereItEnds) {
  for (const bool diverse : {false, true}) {
    v1::RecommendRequest request = Of("user-1");
    if (diverse) request.mutable_diversity()->set_lambda(0.5);
    request.set_page_size(1'000);
    const v1::RecommendResponse whole = Answer(request);
    EXPECT_EQ(whole.next_page_token(), "");
    request.set_page_size(7);
    std::vector<std::string> paged;
    while (true) {
      const v1::RecommendResponse page = Answer(request);
      for (const std::string& id : Ids(page)) paged.push_back(id);
      if (page.next_page_token().empty()) break;
      ASSERT_LT(paged.size(), 1'000u);
      request.set_page_token(page.next_page_token());
      request.set_page_size(request.page_size() + 1);  // may change
    }
    EXPECT_EQ(paged, Ids(whole)) << diverse;
    EXPECT_EQ(std::set(paged.begin(), paged.end()).size(), paged.size());
  }
}

TEST_F(RecommendMethodsTest, APageTokenIsOfItsRequestGenerationAndProfile) {
  v1::RecommendRequest request = Of("user-1");
  const std::string token = Answer(request).next_page_token();
  ASSERT_NE(token, "");
  request.set_page_token(token);
  request.set_include_seen(true);
  EXPECT_THAT(Problem(request), HasSubstr("page_token belongs to another request"));
  request.set_include_seen(false);
  request.mutable_subject()->set_user_id("user-2");
  EXPECT_THAT(Problem(request), HasSubstr("page_token belongs to another request"));
  request.mutable_subject()->set_user_id("user-1");
  request.set_page_token(token + "x");
  EXPECT_THAT(Problem(request), HasSubstr("page_token is no page token"));
  request.set_page_token(std::string(limits::kMaxPageTokenBytes + 1, 'x'));
  EXPECT_THAT(Problem(request), HasSubstr("page_token is 1025 bytes long"));
  std::string damaged = token;
  damaged[5] = damaged[5] == 'A' ? 'B' : 'A';
  request.set_page_token(damaged);
  EXPECT_THAT(Problem(request), HasSubstr("page_token is damaged"));

  request.set_page_token(token);
  v1::RecommendResponse response;
  Profile profile;
  profile.user_id = "user-1";
  profile.version = 3;
  profile.events = {{"item-1", "", 1, 1.0, 0}};
  const Profile* const profiles[] = {&profile};
  ASSERT_TRUE(store_.Commit(profiles).ok());
  absl::Status status = Ask(request, &response);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(StrCat(status.message()), HasSubstr("version 0 of the profile, which is at version 3"));

  request.set_page_token(Answer(Of("user-1")).next_page_token());
  EXPECT_TRUE(Ask(request, &response).ok());
  Publish(2);
  status = Ask(request, &response);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(StrCat(status.message()), HasSubstr("another generation"));
}

TEST_F(RecommendMethodsTest, EveryFieldIsCheckedByName) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  const auto with = [](const std::function<void(v1::RecommendRequest*)>& change) {
    v1::RecommendRequest request = Of("user-1");
    change(&request);
    return request;
  };
  using Request = v1::RecommendRequest*;
  EXPECT_THAT(Problem(with([](Request r) { r->set_page_size(-1); })), HasSubstr("page_size is -1"));
  EXPECT_THAT(Problem(with([&](Request r) { r->set_min_score(static_cast<float>(nan)); })),
              HasSubstr("min_score is nan"));
  EXPECT_THAT(Problem(with([](Request r) { r->mutable_max_per_category(); })),
              HasSubstr("max_per_category.max_items is 0"));
  EXPECT_THAT(Problem(with([&](Request r) { r->mutable_diversity()->set_lambda(nan); })),
              HasSubstr("diversity.lambda is nan"));
  EXPECT_THAT(Problem(with([&](Request r) { r->mutable_diversity()->set_lambda(1.01); })),
              HasSubstr("diversity.lambda is 1.01"));
  EXPECT_THAT(Problem(with([](Request r) { r->add_boosts()->set_amount(1); })), HasSubstr("boosts[0] names no items"));
  EXPECT_THAT(Problem(with([&](Request r) {
                auto* boost = r->add_boosts();
                boost->set_category("cat-0");
                boost->set_amount(static_cast<float>(infinite));
              })),
              HasSubstr("boosts[0].amount is inf"));
  EXPECT_THAT(Problem(with([](Request r) { r->add_boosts()->mutable_item_ids(); })),
              HasSubstr("boosts[0].item_ids.ids is empty"));
  EXPECT_THAT(Problem(with([](Request r) {
                for (int i = 0; i < 101; ++i) r->add_boosts()->set_category("c");
              })),
              HasSubstr("boosts has 101 boosts"));
  EXPECT_THAT(Problem(with([&](Request r) {
                r->add_blend()->set_space("default");
                r->mutable_blend(0)->set_weight(nan);
              })),
              HasSubstr("blend[0].weight is nan"));
  EXPECT_THAT(Problem(with([](Request r) { r->add_blend()->set_space("default"); })),
              HasSubstr("blend has no weight above 0"));
  EXPECT_THAT(Problem(with([](Request r) {
                r->set_space("default");
                r->add_blend()->set_space("default");
                r->mutable_blend(0)->set_weight(1);
              })),
              HasSubstr("blend and space exclude each other"));
  EXPECT_THAT(Problem(with([](Request r) { r->mutable_filter(); })), HasSubstr("filter has no condition"));
  EXPECT_THAT(Problem(with([](Request r) { r->mutable_filter()->mutable_flag()->set_attribute("nothing"); })),
              HasSubstr("filter model 'shop' has no attribute 'nothing'; it has: price"));
  EXPECT_THAT(Problem(with([](Request r) { r->add_exclude_item_ids(""); })), HasSubstr("exclude_item_ids[0] is empty"));
}

TEST_F(RecommendMethodsTest, FiltersBoostsAndMissingNamesReachTheAnswer) {
  v1::RecommendRequest request = Of("user-1");
  request.mutable_filter()->mutable_categories()->add_any_of("cat-1");
  request.mutable_filter()->mutable_categories()->add_none_of("gone");
  request.set_view(v1::ITEM_VIEW_FULL);
  request.set_explain(true);
  auto* boost = request.add_boosts();
  boost->set_category("cat-1");
  boost->set_amount(100);
  const v1::RecommendResponse response = Answer(request);
  ASSERT_GT(response.items_size(), 0);
  EXPECT_THAT(response.missing_categories(), ElementsAre("gone"));
  for (const auto& item : response.items()) {
    EXPECT_THAT(item.categories(), ::testing::Contains("cat-1"));
    EXPECT_EQ(item.boost(), 100);
    double sum = item.boost() + item.prior(), size = 100;
    for (const auto& term : item.terms()) {
      sum += term.value();
      size += std::abs(term.value());
    }
    EXPECT_NEAR(sum, item.score(), 1e-5 * size);
    EXPECT_LE(item.history_size(), 10);
  }
  EXPECT_EQ(response.source(), v1::ANSWER_SOURCE_TRAINED_VECTOR);
}

TEST_F(RecommendMethodsTest, ABatchIsItsSinglesAndABadEntryFailsAlone) {
  v1::BatchRecommendRequest batch;
  batch.mutable_request()->set_page_size(9);
  for (int i = 0; i < 45; ++i) batch.add_subjects()->set_user_id(i % 10 == 9 ? "stranger" : StrCat("user-", i % 10));
  batch.mutable_subjects(3)->set_user_id("");
  batch.mutable_subjects(20)->mutable_events()->add_events()->set_item_id("item-5");
  batch.mutable_subjects(30)->set_profile_token("nonsense");
  v1::BatchRecommendResponse response;
  const absl::Status status = Batch(batch, &response);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_THAT(response.results(), SizeIs(45));
  for (int i = 0; i < 45; ++i) {
    if (i == 3 || i == 30) {
      EXPECT_EQ(response.results(i).status().code(), 3) << "INVALID_ARGUMENT";
      EXPECT_THAT(response.results(i).status().message(), HasSubstr(StrCat("subjects[", i, "]")));
      EXPECT_GT(response.results(i).status().details_size(), 0);
      continue;
    }
    v1::RecommendRequest single = batch.request();
    *single.mutable_subject() = batch.subjects(i);
    v1::RecommendResponse expected = Answer(single);
    expected.clear_next_page_token();
    EXPECT_EQ(response.results(i).response().SerializeAsString(), expected.SerializeAsString()) << i;
  }
}

TEST_F(RecommendMethodsTest, WhatABatchCannotBe) {
  v1::BatchRecommendRequest batch;
  v1::BatchRecommendResponse response;
  const auto problem = [&] {
    const absl::Status status = Batch(batch, &response);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return StrCat(status.message());
  };
  EXPECT_THAT(problem(), HasSubstr("subjects has 0 subjects"));
  for (int i = 0; i < 1'000; ++i) batch.add_subjects()->set_user_id("user-1");
  batch.mutable_request()->set_page_size(21);
  EXPECT_THAT(problem(), HasSubstr("request.page_size times 1000 subjects is 21000 items, expected at most 20000"));
  batch.mutable_request()->set_page_size(1);
  batch.mutable_request()->mutable_subject()->set_user_id("x");
  batch.mutable_request()->set_page_token("x");
  EXPECT_THAT(problem(), HasSubstr("request.subject is set"));
  EXPECT_THAT(problem(), HasSubstr("request.page_token is set"));
  batch.mutable_request()->clear_subject();
  batch.mutable_request()->clear_page_token();
  EXPECT_TRUE(Batch(batch, &response).ok());
  testing::TestCall call;
  call.get()->Cancel();
  EXPECT_TRUE(absl::IsCancelled(Batch(batch, &response, call.get())));
  batch.add_subjects();
  EXPECT_THAT(problem(), HasSubstr("subjects has 1001 subjects"));
}

TEST_F(RecommendMethodsTest, AStreamIsItsSinglesInOrder) {
  v1::StreamRecommendRequest request;
  request.mutable_request()->set_page_size(3);
  for (int i = 0; i < 250; ++i) request.add_subjects()->set_user_id(i == 120 ? "" : StrCat("user-", i % 12));
  int next = 0;
  CallProgress progress;
  while (true) {
    v1::StreamRecommendResponse response;
    const auto step = methods_.StreamRecommend(request, nullptr, &progress, &state_, &response);
    ASSERT_TRUE(step.ok()) << step.status();
    if (*step == rpc::StreamStep::kEnd) break;
    ASSERT_EQ(*step, rpc::StreamStep::kMessage);
    ASSERT_EQ(response.first(), next);
    ASSERT_GT(response.results_size(), 0);
    for (const auto& result : response.results()) {
      if (next == 120) {
        EXPECT_EQ(result.status().code(), 3);
      } else {
        v1::RecommendRequest single = request.request();
        *single.mutable_subject() = request.subjects(next);
        EXPECT_EQ(Ids(result.response()), Ids(Answer(single)));
      }
      ++next;
    }
  }
  EXPECT_EQ(next, 250);
}

TEST_F(RecommendMethodsTest, ScoresAreThoseOfTheListWhateverWasSeen) {
  v1::RecommendRequest list = Of("user-2");
  list.set_include_seen(true);
  list.set_page_size(1'000);
  const v1::RecommendResponse whole = Answer(list);
  v1::ScoreItemsRequest request;
  auto* query = request.add_queries();
  query->mutable_subject()->set_user_id("user-2");
  for (const char* id : {"item-9", "gone", "item-0", "item-9"}) query->add_item_ids(id);
  request.add_queries()->mutable_subject()->set_user_id("user-3");
  v1::ScoreItemsResponse response;
  const absl::Status status = Score(request, &response);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_THAT(response.results(), SizeIs(2));
  const v1::ScoreResult& result = response.results(0);
  ASSERT_THAT(result.scores(), SizeIs(3));
  EXPECT_THAT(result.missing_ids(), ElementsAre("gone"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(result.scores(i).item_id(), i == 1 ? "item-0" : "item-9");
    for (const auto& item : whole.items()) {
      if (item.item_id() == result.scores(i).item_id()) {
        EXPECT_EQ(item.score(), result.scores(i).score());
      }
    }
    EXPECT_TRUE(result.scores(i).has_value()) << "a ridge space predicts";
  }
  EXPECT_EQ(response.results(1).status().code(), 3);
  EXPECT_THAT(response.results(1).status().message(), HasSubstr("queries[1].item_ids is empty"));
  EXPECT_EQ(response.space(), "default");
}

TEST_F(RecommendMethodsTest, VectorsAreThoseOfTheBundle) {
  v1::GetVectorsRequest request;
  request.add_item_ids("item-3");
  request.add_item_ids("gone");
  request.add_user_ids("user-4");
  request.add_tokens("no-tokens-here");
  v1::GetVectorsResponse response;
  ASSERT_TRUE(methods_.GetVectors(request, &state_, &response).ok());
  const ModelHandle model = models_.Find("");
  const Space& space = model->default_space();
  ASSERT_THAT(response.items(), SizeIs(1));
  ASSERT_EQ(response.items(0).values_size(), static_cast<int>(space.spec.dim));
  for (uint32_t j = 0; j < space.spec.dim; ++j) {
    EXPECT_EQ(response.items(0).values(static_cast<int>(j)), space.items[3 * space.spec.dim + j]);
    EXPECT_EQ(response.users(0).values(static_cast<int>(j)), space.users[4 * space.spec.dim + j]);
  }
  EXPECT_THAT(response.missing_ids(), ElementsAre("gone", "no-tokens-here"));
  v1::GetVectorsRequest none;
  EXPECT_TRUE(absl::IsInvalidArgument(methods_.GetVectors(none, &state_, &response)));
  request.set_space("gone");
  EXPECT_TRUE(absl::IsNotFound(methods_.GetVectors(request, &state_, &response)));
}

TEST_F(RecommendMethodsTest, WhatIsOutComesBackNowhereFromTheNextRequestOn) {
  v1::RecommendRequest request = Of("user-1");
  request.set_page_size(3);
  const std::vector<std::string> before = Ids(Answer(request));
  const std::string_view out[] = {before[0]};
  availability_.Publish(std::make_shared<const UnavailableItems>(out, 1));
  const std::vector<std::string> after = Ids(Answer(request));
  EXPECT_THAT(after, ::testing::Not(::testing::Contains(before[0])));
  EXPECT_EQ(after[0], before[1]);
  v1::BatchRecommendRequest batch;
  batch.add_subjects()->set_user_id("user-1");
  batch.mutable_request()->set_page_size(3);
  v1::BatchRecommendResponse many;
  ASSERT_TRUE(Batch(batch, &many).ok());
  EXPECT_EQ(Ids(many.results(0).response()), after);
  v1::SimilarItemsRequest similar;
  similar.set_item_id("item-3");
  similar.set_page_size(1'000);
  v1::SimilarItemsResponse nearest;
  ASSERT_TRUE(methods_.SimilarItems(similar, &state_, &nearest).ok());
  for (const auto& item : nearest.items()) EXPECT_NE(item.item_id(), before[0]);
  EXPECT_EQ(nearest.items_size(), 68) << "of 70, without itself";
}

TEST_F(RecommendMethodsTest, BatchesAndStreamsLeaveOutWhatIsOutWithoutARequestBefore) {
  std::vector<std::string> ids;
  for (int i = 0; i < 70; i += 2) ids.push_back(StrCat("item-", i));
  std::sort(ids.begin(), ids.end());
  const std::vector<std::string_view> out(ids.begin(), ids.end());
  availability_.Publish(std::make_shared<const UnavailableItems>(out, 1));
  v1::StreamRecommendRequest stream;
  stream.add_subjects()->set_user_id("user-1");
  stream.add_subjects()->set_user_id("somebody");
  stream.mutable_request()->set_page_size(70);
  stream.mutable_request()->set_include_seen(true);
  v1::StreamRecommendResponse message;
  CallProgress progress;
  ASSERT_TRUE(methods_.StreamRecommend(stream, nullptr, &progress, &state_, &message).ok());
  v1::BatchRecommendRequest batch;
  *batch.mutable_subjects() = stream.subjects();
  *batch.mutable_request() = stream.request();
  v1::BatchRecommendResponse answer;
  ASSERT_TRUE(Batch(batch, &answer).ok());
  for (const auto& results : {message.results(), answer.results()}) {
    ASSERT_EQ(results.size(), 2);
    for (const v1::RecommendResult& result : results) {
      const std::vector<std::string> in = Ids(result.response());
      EXPECT_EQ(in.size(), 35u);
      for (const std::string& id : in) EXPECT_FALSE(std::binary_search(ids.begin(), ids.end(), id)) << id;
    }
  }
}

TEST_F(RecommendMethodsTest, AStoreThatIsDownIsSaidAndNoError) {
  v1::RecommendRequest request = Of("user-1");
  request.set_min_profile_version(4);
  EXPECT_THAT(Answer(request).degradations(), ElementsAre(v1::DEGRADATION_STALE_PROFILE));
  request.add_blend()->set_space("default");
  request.mutable_blend(0)->set_weight(1);
  request.add_blend()->set_space("gone");
  request.mutable_blend(1)->set_weight(1);
  const v1::RecommendResponse blended = Answer(request);
  EXPECT_THAT(blended.degradations(), ElementsAre(v1::DEGRADATION_STALE_PROFILE, v1::DEGRADATION_SPACE_UNAVAILABLE));
  EXPECT_EQ(blended.space(), "default");
  request.mutable_blend(0)->set_space("gone too");
  v1::RecommendResponse response;
  EXPECT_TRUE(absl::IsNotFound(Ask(request, &response)));
}

}  // namespace
}  // namespace kindred
