#include "clients/cli/replayer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/clients/fake_model_server.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

class ReplayerTest : public ::testing::Test {
 protected:
  ReplayerTest() : client_(server_.address, {.timeout = absl::Seconds(20), .max_attempts = 1}) {
    v1::RecommendResponse& answer = server_.ranking.answer;
    answer.set_model("groceries");
    answer.set_version("7");
    answer.set_digest("0123456789abcdef");
    for (const auto& [id, score] : {std::pair("i1", 0.75f), std::pair("i2", 1.0f / 3)}) {
      answer.add_items()->set_item_id(id);
      answer.mutable_items(answer.items_size() - 1)->set_score(score);
    }
    call_.time = absl::FromUnixMillis(1'700'000'000'123);
    call_.answer = AnswerOf(answer);
    request().set_model("groceries@canary");
    request().mutable_subject()->set_user_id("ann");
  }

  v1::RecommendRequest& request() { return std::get<v1::RecommendRequest>(call_.request); }
  ReplayOutcome Run() {
    const auto outcome = Replay(call_, &client_);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(ReplayOutcome());
  }
  const v1::RecommendRequest& asked() { return server_.ranking.asked.back(); }

  testing::FakeServer server_;
  RecommendClient client_;
  LoggedCall call_;
};

TEST_F(ReplayerTest, AsksTheVeryGenerationForTheProfileThatWasUsed) {
  call_.profile_token = "token";
  call_.answer.profile_version = 3;
  EXPECT_EQ(Run().result, ReplayResult::kSame);
  EXPECT_EQ(asked().model(), "groceries@7");
  EXPECT_EQ(asked().subject().profile_token(), "token");
  EXPECT_TRUE(asked().subject().ignore_stored_profile());
}

TEST_F(ReplayerTest, AUserWithoutAProfileStaysWithout) {
  EXPECT_EQ(Run().result, ReplayResult::kSame);
  EXPECT_EQ(asked().subject().user_id(), "ann");
  EXPECT_TRUE(asked().subject().ignore_stored_profile());
}

TEST_F(ReplayerTest, EventsWithoutATimeAreOfThen) {
  request().mutable_subject()->mutable_events()->add_events()->set_item_id("i3");
  request().mutable_subject()->mutable_events()->add_events()->mutable_time()->set_seconds(5);
  Run();
  EXPECT_EQ(asked().subject().events().events(0).time().seconds(), 1'700'000'000);
  EXPECT_EQ(asked().subject().events().events(0).time().nanos(), 123'000'000);
  EXPECT_EQ(asked().subject().events().events(1).time().seconds(), 5);
}

TEST_F(ReplayerTest, NoSubjectStaysNone) {
  request().clear_subject();
  Run();
  EXPECT_FALSE(asked().has_subject());
}

TEST_F(ReplayerTest, TheSmallestDifferenceInAScoreIsOne) {
  v1::RecommendedItem* item = server_.ranking.answer.mutable_items(1);
  item->set_score(std::nextafter(item->score(), 1.0f));
  const ReplayOutcome outcome = Run();
  EXPECT_EQ(outcome.result, ReplayResult::kDiffers);
  EXPECT_EQ(outcome.rank, 2u);
  EXPECT_EQ(outcome.expected, "i2 0.333333343");
  EXPECT_EQ(outcome.found, "i2 0.333333373");
  EXPECT_THAT(outcome.reason, HasSubstr("availability"));
}

TEST_F(ReplayerTest, AListThatIsShorterDiffersAtItsEnd) {
  server_.ranking.answer.mutable_items()->RemoveLast();
  EXPECT_EQ(Run().rank, 2u);
  EXPECT_EQ(Run().found, "");
  EXPECT_EQ(Run().expected, "i2 0.333333343");
}

TEST_F(ReplayerTest, AnotherDigestIsAnotherGeneration) {
  server_.ranking.answer.set_digest("ffff");
  const ReplayOutcome outcome = Run();
  EXPECT_EQ(outcome.result, ReplayResult::kNotReproducible);
  EXPECT_EQ(outcome.reason,
            "groceries version 7 here has digest ffff, the line has 0123456789abcdef; if that generation is not ready "
            "here: kindred models load groceries 7");
}

TEST_F(ReplayerTest, AGenerationThatIsNotThere) {
  server_.ranking.status = grpc::Status(grpc::NOT_FOUND, "no model 'groceries@7'");
  const ReplayOutcome outcome = Run();
  EXPECT_EQ(outcome.result, ReplayResult::kNotReproducible);
  EXPECT_THAT(outcome.reason, HasSubstr("no model 'groceries@7'; if that"));
  EXPECT_THAT(outcome.reason, HasSubstr("kindred models load groceries 7"));
}

TEST_F(ReplayerTest, AServerThatDoesNotAnswerEndsIt) {
  server_.ranking.status = grpc::Status(grpc::UNAVAILABLE, "draining");
  EXPECT_EQ(Replay(call_, &client_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ReplayerTest, AProfileThatTheLineLacks) {
  call_.answer.profile_version = 3;
  server_.ranking.answer.set_profile_version(5);
  EXPECT_EQ(Run().result, ReplayResult::kSame) << "the other profile made no difference";
  EXPECT_FALSE(asked().subject().ignore_stored_profile());
  server_.ranking.answer.mutable_items(0)->set_score(1);
  EXPECT_EQ(Run().result, ReplayResult::kNotReproducible);
  EXPECT_EQ(Run().reason, "the user's profile was at version 3, which the line does not have, and is at 5 now");
}

TEST_F(ReplayerTest, WhatCannotComeAgainIsNotAsked) {
  request().set_page_token("token");
  EXPECT_THAT(Run().reason, HasSubstr("a later page"));
  request().clear_page_token();
  call_.profile_cut = true;
  EXPECT_THAT(Run().reason, HasSubstr("too long"));
  call_.profile_cut = false;
  call_.answer.model.clear();
  EXPECT_THAT(Run().reason, HasSubstr("names no model"));
  EXPECT_TRUE(server_.ranking.asked.empty());
}

TEST(FirstDifference, OrderCounts) {
  RankedAnswer a, b;
  a.items = {{"i1", 1}, {"i2", 1}};
  b.items = {{"i2", 1}, {"i1", 1}};
  EXPECT_FALSE(FirstDifference(a, a).has_value());
  EXPECT_EQ(FirstDifference(a, b)->rank, 1u);
  EXPECT_FALSE(FirstDifference(RankedAnswer(), RankedAnswer()).has_value());
}

}  // namespace
}  // namespace kindred
