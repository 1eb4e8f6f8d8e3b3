#include "core/advice/retrain_advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/bundle/tensor_names.h"
#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

SpaceSignals Of(std::string space, std::string family, std::optional<double> new_ids = std::nullopt) {
  return {.space = std::move(space), .family = std::move(family), .vocabulary = 1'000, .new_ids = new_ids};
}

TEST(RetrainAdviceTest, NothingKnownIsNoReason) {
  const Advice advice = AdviseRetraining({.spaces = {Of("a", "als"), Of("p", "popular")}});
  EXPECT_FALSE(advice.retrain());
  EXPECT_FALSE(advice.update);
  for (const SpaceAdvice& space : advice.spaces) EXPECT_THAT(space.reasons, IsEmpty());
}

TEST(RetrainAdviceTest, MoreThanFivePercentNewIds) {
  const Advice advice = AdviseRetraining({.spaces = {Of("at", "als", 50), Of("above", "als", 51)}});
  EXPECT_THAT(advice.spaces[0].reasons, IsEmpty());
  EXPECT_DOUBLE_EQ(*advice.spaces[0].new_ratio, 0.05);
  EXPECT_THAT(advice.spaces[1].reasons, ElementsAre(RetrainReason::kNewTokens));
  EXPECT_TRUE(advice.retrain());
}

TEST(RetrainAdviceTest, AnEmptyVocabularyHasNoRatio) {
  SpaceSignals space = Of("a", "als", 10);
  space.vocabulary = 0;
  EXPECT_FALSE(AdviseRetraining({.spaces = {space}}).spaces[0].new_ratio);
}

TEST(RetrainAdviceTest, VectorsAreTrainedWeeklyAndAggregatesUpdatedDaily) {
  AdviceSignals signals{.days_since_training = 7, .days_since_newest_event = 1};
  signals.spaces = {Of("i", "item2vec"), Of("p", "popular")};
  EXPECT_FALSE(AdviseRetraining(signals).retrain());
  EXPECT_FALSE(AdviseRetraining(signals).update);
  signals.days_since_training = 7.01;
  signals.days_since_newest_event = 1.01;
  const Advice advice = AdviseRetraining(signals);
  EXPECT_THAT(advice.spaces[0].reasons, ElementsAre(RetrainReason::kAge));
  EXPECT_THAT(advice.spaces[1].reasons, IsEmpty());
  EXPECT_TRUE(advice.update);
}

TEST(RetrainAdviceTest, DriftFromAnotherBundle) {
  AdviceSignals signals{.spaces = {Of("at", "als"), Of("above", "als")}};
  signals.spaces[0].drift = 0.1;
  signals.spaces[1].drift = 0.11;
  const Advice advice = AdviseRetraining(signals);
  EXPECT_THAT(advice.spaces[0].reasons, IsEmpty());
  EXPECT_THAT(advice.spaces[1].reasons, ElementsAre(RetrainReason::kDrift));
}

TEST(RetrainAdviceTest, WhatIsMadeAfterItem2vecFollowsItAndABlendItsParts) {
  AdviceSignals signals{
      .spaces = {Of("n", "nmf", 0), Of("t", "traits", 0), Of("i", "item2vec", 900), Of("a", "als", 0)}};
  signals.spaces.push_back({.space = "h", .family = "hybrid", .parts = {"a", "t"}});
  signals.spaces.push_back({.space = "other", .family = "hybrid", .parts = {"a"}});
  const Advice advice = AdviseRetraining(signals);
  EXPECT_THAT(advice.spaces[0].reasons, ElementsAre(RetrainReason::kAfterItem2vec));
  EXPECT_THAT(advice.spaces[1].reasons, ElementsAre(RetrainReason::kAfterItem2vec));
  EXPECT_THAT(advice.spaces[2].reasons, ElementsAre(RetrainReason::kNewTokens));
  EXPECT_THAT(advice.spaces[3].reasons, IsEmpty());
  EXPECT_THAT(advice.spaces[4].reasons, ElementsAre(RetrainReason::kParts));
  EXPECT_THAT(advice.spaces[5].reasons, IsEmpty());
}

TEST(RetrainAdviceTest, LimitsCanBeSet) {
  AdviceSignals signals{.days_since_training = 20, .spaces = {Of("a", "als", 300)}};
  EXPECT_FALSE(AdviseRetraining(signals, {.max_new_ratio = 0.3, .retrain_days = 20}).retrain());
  EXPECT_TRUE(AdviseRetraining(signals, {.max_new_ratio = 0.29, .retrain_days = 20}).retrain());
}

BundleInfo Info(const std::string& created_at, const std::string& training) {
  BundleInfo info;
  info.created_at = created_at;
  if (!training.empty()) info.header.metadata[std::string(names::kTraining)] = training;
  return info;
}

TEST(TrainingTimesTest, TheTrainingSaysOrElseTheFile) {
  const auto says = ReadTrainingTimes(Info(
      "2024-03-02T00:00:00Z", R"({"trained_at":"2024-03-01T00:00:00Z","last_event_ms":1709000000000,"update":{}})"));
  EXPECT_EQ(says.trained_ms, 1709251200000);
  EXPECT_EQ(says.newest_event_ms, 1709000000000);
  const auto old = ReadTrainingTimes(Info("2024-03-01T00:00:00Z", R"({"seed":1})"));
  EXPECT_EQ(old.trained_ms, 1709251200000);
  EXPECT_FALSE(old.newest_event_ms);
}

TEST(TrainingTimesTest, AnUpdatedBundleThatDoesNotSayIsNotTakenForTrained) {
  EXPECT_FALSE(ReadTrainingTimes(Info("2024-03-01T00:00:00Z", R"({"update":{"number":1}})")).trained_ms);
}

TEST(TrainingTimesTest, NonsenseIsNotKnown) {
  for (const char* training :
       {"", "7", "[]", R"({"trained_at":5,"last_event_ms":"x"})", R"({"trained_at":"yesterday"})"}) {
    const auto times = ReadTrainingTimes(Info("", training));
    EXPECT_FALSE(times.trained_ms) << training;
    EXPECT_FALSE(times.newest_event_ms) << training;
  }
}

TEST(SignalsTest, OfALoadedModel) {
  const auto model = testing::LoadModel({});
  const int64_t now_ms = 1709251200000;
  const AdviceSignals signals = SignalsOf(*model, now_ms, 12.0, std::nullopt);
  ASSERT_EQ(signals.spaces.size(), 1);
  EXPECT_EQ(signals.spaces[0].vocabulary, 200);
  EXPECT_FALSE(signals.spaces[0].tokens);
  EXPECT_EQ(signals.spaces[0].new_ids, 12.0);
  EXPECT_THAT(AdviseRetraining(signals).spaces[0].reasons, ElementsAre(RetrainReason::kNewTokens));
}

}  // namespace
}  // namespace kindred
