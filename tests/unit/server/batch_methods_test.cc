// Batches, streams and scores in steps: what other calls of the worker and new generations do to them, which is
// nothing.
#include <gmock/gmock.h>
#include <google/protobuf/arena.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/str_cat.h"
#include "server/limits.h"
#include "server/profile_methods.h"
#include "server/recommend_methods.h"
#include "tests/unit/server/flaky_profile_store.h"
#include "tests/unit/server/test_call.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

// The bytes of an answer, but for the details of statuses, whose order is any.
template <typename Response>
std::string BytesOf(Response response) {
  for (auto& result : *response.mutable_results()) {
    if (result.has_status()) result.mutable_status()->clear_details();
  }
  return response.SerializeAsString();
}

class BatchMethodsTest : public ::testing::Test {
 protected:
  BatchMethodsTest()
      : counters_(1),
        writer_(&store_, {}),
        methods_(&models_, &store_, &counters_),
        profiles_(&models_, &store_, &writer_, &counters_),
        state_(&models_, &availability_, 0) {
    Publish(1);
  }

  void Publish(uint32_t seed) {
    testing::BundleShape shape;
    shape.seed = seed;
    models_.Publish(testing::LoadTestModel(testing::BundleBuilder(shape)));
  }

  // What other calls of the worker do between two steps.
  void AskSomethingElse() {
    v1::RecommendRequest other;
    other.mutable_subject()->set_user_id("user-7");
    other.set_page_size(50);
    for (int i = 0; i < 60; ++i) other.add_exclude_item_ids(StrCat("item-", i));
    v1::RecommendResponse response;
    EXPECT_TRUE(methods_.Recommend(other, nullptr, nullptr, state_.BeginTurn(), &response).ok());
    v1::SimilarItemsRequest similar;
    similar.set_item_id("item-3");
    v1::SimilarItemsResponse nearest;
    EXPECT_TRUE(methods_.SimilarItems(similar, state_.BeginTurn(), &nearest).ok());
  }

  // A whole call of a method, `between` two steps; returns how many steps there were.
  template <typename Method, typename Request, typename Response>
  int Run(
      Method method, const Request& request, rpc::Call* call, Response* response,
      const std::function<void(int)>& between = [](int) {}) {
    CallProgress progress;
    for (int steps = 1;; ++steps) {
      const auto step = method(request, call, &progress, state_.BeginTurn(), response);
      EXPECT_TRUE(step.ok()) << step.status();
      if (!step.ok() || *step == rpc::CallStep::kDone) return steps;
      between(steps);
    }
  }
  auto Batch() {
    return [this](const auto&... arguments) { return methods_.BatchRecommend(arguments...); };
  }
  auto Scores() {
    return [this](const auto&... arguments) { return methods_.ScoreItems(arguments...); };
  }
  auto Profiles() {
    return [this](const auto&... arguments) { return profiles_.BatchGetProfile(arguments...); };
  }

  static v1::BatchRecommendRequest SomeBatch() {
    v1::BatchRecommendRequest batch;
    batch.mutable_request()->set_page_size(9);
    batch.mutable_request()->add_exclude_item_ids("item-1");
    for (int i = 0; i < 77; ++i) batch.add_subjects()->set_user_id(i == 40 ? "" : StrCat("user-", i % 11));
    return batch;
  }

  // One publication of everything, in the middle of a call.
  std::function<void(int)> Swap() {
    return [this](int steps) {
      if (steps != 2) return;
      Publish(2);
      const std::string_view out[] = {"item-11", "item-12"};
      availability_.Publish(std::make_shared<const UnavailableItems>(out, 1));
      AskSomethingElse();
    };
  }

  testing::FlakyProfileStore store_;
  ModelRegistry models_;
  AvailabilityRegistry availability_;
  ServiceCounters counters_;
  ProfileWriter writer_;
  RecommendMethods methods_;
  ProfileMethods profiles_;
  WorkerState state_;
  testing::TestCall call_;
};

TEST_F(BatchMethodsTest, ABatchInStepsIsTheBatchAtOnceWhateverComesBetween) {
  const v1::BatchRecommendRequest batch = SomeBatch();
  v1::BatchRecommendResponse whole, alone, among;
  EXPECT_EQ(Run(Batch(), batch, nullptr, &whole), 1);
  ASSERT_EQ(whole.results_size(), 77);
  EXPECT_EQ(whole.results(40).status().code(), 3);
  EXPECT_EQ(Run(Batch(), batch, call_.get(), &alone), 5) << "groups of 16";
  EXPECT_EQ(BytesOf(alone), BytesOf(whole));
  EXPECT_GT(Run(Batch(), batch, call_.get(), &among, [this](int) { AskSomethingElse(); }), 1);
  EXPECT_EQ(BytesOf(among), BytesOf(whole));
}

TEST_F(BatchMethodsTest, AnExplainedBatchRestsAfterEachAnswer) {
  v1::BatchRecommendRequest batch = SomeBatch();
  batch.mutable_request()->set_explain(true);
  v1::BatchRecommendResponse whole, response;
  EXPECT_EQ(Run(Batch(), batch, nullptr, &whole), 1);
  EXPECT_EQ(Run(Batch(), batch, call_.get(), &response, [this](int) { AskSomethingElse(); }), 77);
  EXPECT_EQ(BytesOf(response), BytesOf(whole));
}

TEST_F(BatchMethodsTest, AnswersThatDoNotFitTakeNoMemory) {
  testing::BundleShape shape;
  shape.dim = 32;
  models_.Publish(testing::LoadTestModel(testing::BundleBuilder(shape)));
  for (const bool explain : {false, true}) {
    v1::BatchRecommendRequest batch;
    batch.mutable_request()->set_page_size(20);
    batch.mutable_request()->set_explain(explain);
    // Ids that the model does not have come back in every answer.
    for (int i = 0; !explain && i < 100; ++i) {
      batch.mutable_request()->add_exclude_item_ids(StrCat(std::string(200, 'x'), i));
    }
    for (int i = 0; i < 1000; ++i) batch.add_subjects()->set_user_id(StrCat("user-", i % 9));
    google::protobuf::Arena arena, of_the_answer;
    auto* response = google::protobuf::Arena::CreateMessage<v1::BatchRecommendResponse>(&arena);
    Run(Batch(), batch, nullptr, response);
    ASSERT_EQ(response->results_size(), 1000);
    EXPECT_LE(response->ByteSizeLong(), limits::kMaxResponseBytes);
    EXPECT_GT(response->ByteSizeLong(), limits::kMaxResponseBytes / 2);
    EXPECT_EQ(response->results(0).response().items_size(), 20);
    EXPECT_EQ(response->results(999).status().code(), 8) << "RESOURCE_EXHAUSTED";
    auto* copy = google::protobuf::Arena::CreateMessage<v1::BatchRecommendResponse>(&of_the_answer);
    *copy = *response;
    EXPECT_LT(arena.SpaceUsed(), of_the_answer.SpaceUsed() * 5 / 4) << explain;
  }
}

TEST_F(BatchMethodsTest, LongStatusesTakeTheRoomOfAnswers) {
  testing::BundleShape shape;
  shape.dim = 32;
  models_.Publish(testing::LoadTestModel(testing::BundleBuilder(shape)));
  for (const int bad : {500, 1000}) {
    v1::BatchRecommendRequest batch;
    batch.mutable_request()->set_page_size(20);
    batch.mutable_request()->set_explain(true);
    for (int i = 0; i < 1000; ++i) {
      v1::Subject* subject = batch.add_subjects();
      if (i >= bad) {
        subject->set_user_id("user-1");
        continue;
      }
      for (int e = 0; e < 9; ++e) {
        v1::Event* event = subject->mutable_events()->add_events();
        event->set_action(std::string(100, 'x'));
        event->mutable_time()->set_nanos(-1);
      }
    }
    v1::BatchRecommendResponse response;
    Run(Batch(), batch, nullptr, &response);
    ASSERT_EQ(response.results_size(), 1000);
    EXPECT_GT(response.results(0).ByteSizeLong(), 1024u);
    EXPECT_EQ(response.results(0).status().code(), 3);
    EXPECT_LE(response.ByteSizeLong(), limits::kMaxResponseBytes);
    EXPECT_EQ(response.results(500).has_response(), bad == 500);
  }
}

TEST_F(BatchMethodsTest, TwoBatchesTakeTurns) {
  v1::BatchRecommendRequest other = SomeBatch();
  other.mutable_request()->set_page_size(3);
  v1::BatchRecommendResponse expected, expected_other, response, other_response;
  Run(Batch(), SomeBatch(), nullptr, &expected);
  Run(Batch(), other, nullptr, &expected_other);
  CallProgress progress;
  const auto step_of_other = [&](int) {
    const auto step = methods_.BatchRecommend(other, call_.get(), &progress, state_.BeginTurn(), &other_response);
    ASSERT_TRUE(step.ok()) << step.status();
  };
  Run(Batch(), SomeBatch(), call_.get(), &response, step_of_other);
  step_of_other(0);
  EXPECT_EQ(BytesOf(response), BytesOf(expected));
  EXPECT_EQ(BytesOf(other_response), BytesOf(expected_other));
}

TEST_F(BatchMethodsTest, ABatchIsOfOneGeneration) {
  v1::BatchRecommendResponse whole, swapped, after;
  Run(Batch(), SomeBatch(), nullptr, &whole);
  EXPECT_GT(Run(Batch(), SomeBatch(), call_.get(), &swapped, Swap()), 3);
  EXPECT_EQ(BytesOf(swapped), BytesOf(whole));
  Run(Batch(), SomeBatch(), nullptr, &after);
  EXPECT_NE(after.results(0).response().digest(), whole.results(0).response().digest());
}

TEST_F(BatchMethodsTest, AStreamIsOfOneGeneration) {
  v1::StreamRecommendRequest request;
  request.mutable_request()->set_page_size(5);
  for (int i = 0; i < 250; ++i) request.add_subjects()->set_user_id(StrCat("user-", i % 12));
  const auto stream = [&](rpc::Call* call, const std::function<void(int)>& between) {
    std::string all;
    CallProgress progress;
    v1::StreamRecommendResponse message;
    int messages = 0;
    for (int steps = 1;; ++steps) {
      const auto step = methods_.StreamRecommend(request, call, &progress, state_.BeginTurn(), &message);
      EXPECT_TRUE(step.ok()) << step.status();
      if (!step.ok() || *step == rpc::StreamStep::kEnd) break;
      if (*step == rpc::StreamStep::kMessage) {
        ++messages;
        EXPECT_EQ(message.first(), messages * 100 - 100);
        for (const auto& result : message.results()) all += result.SerializeAsString();
        message.Clear();
      }
      between(steps);
    }
    EXPECT_EQ(messages, 3);
    return all;
  };
  const std::string whole = stream(nullptr, [](int) {});
  EXPECT_EQ(stream(call_.get(), [this](int) { AskSomethingElse(); }), whole);
  EXPECT_EQ(stream(call_.get(), Swap()), whole);
  EXPECT_NE(stream(nullptr, [](int) {}), whole);
}

TEST_F(BatchMethodsTest, ScoresInStepsAreOfOneGeneration) {
  v1::ScoreItemsRequest request;
  for (int i = 0; i < 20; ++i) {
    auto* query = request.add_queries();
    query->mutable_subject()->set_user_id(StrCat("user-", i % 9));
    for (int item = 0; item < i; ++item) query->add_item_ids(StrCat("item-", 3 * item));
  }
  for (const bool blend : {false, true}) {
    Publish(1);
    if (blend) {
      request.add_blend()->set_space("default");
      request.mutable_blend(0)->set_weight(1);
      request.add_blend()->set_space("gone");
      request.mutable_blend(1)->set_weight(1);
    }
    v1::ScoreItemsResponse whole, swapped;
    EXPECT_EQ(Run(Scores(), request, nullptr, &whole), 1);
    EXPECT_EQ(Run(Scores(), request, call_.get(), &swapped, Swap()), 20);
    EXPECT_EQ(BytesOf(swapped), BytesOf(whole));
    EXPECT_EQ(swapped.results(5).scores_size(), 5);
  }
}

TEST_F(BatchMethodsTest, ProfilesInStepsAreOfOneGeneration) {
  v1::BatchGetProfileRequest request;
  for (int i = 0; i < 20; ++i) request.add_user_ids(i == 4 ? "" : StrCat("user-", i % 9));
  v1::BatchGetProfileResponse whole, swapped;
  EXPECT_EQ(Run(Profiles(), request, nullptr, &whole), 1);
  EXPECT_EQ(Run(Profiles(), request, call_.get(), &swapped, Swap()), 19) << "one of 20 is nobody's id";
  EXPECT_EQ(BytesOf(swapped), BytesOf(whole));
}

TEST_F(BatchMethodsTest, AGenerationGoesWithTheLastCallThatBeganWithIt) {
  std::optional<CallProgress> progress(std::in_place);
  v1::BatchRecommendResponse response;
  const std::weak_ptr<const Model> first = models_.Find("");
  const auto step = methods_.BatchRecommend(SomeBatch(), call_.get(), &*progress, state_.BeginTurn(), &response);
  ASSERT_TRUE(step.ok());
  ASSERT_EQ(*step, rpc::CallStep::kAgain);
  Publish(2);
  AskSomethingElse();
  EXPECT_FALSE(first.expired());
  progress.reset();
  EXPECT_TRUE(first.expired());
}

}  // namespace
}  // namespace kindred
