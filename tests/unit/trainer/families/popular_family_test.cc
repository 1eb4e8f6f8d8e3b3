#include "trainer/families/popular_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/engine/recommender.h"
#include "core/packing/pack.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

constexpr int64_t kDay = 86'400'000;

class PopularFamilyTest : public ::testing::Test {
 protected:
  PopularFamilyTest() {
    log_.user_ids = {"u", "v", "w"};
    log_.item_ids = interactions_.item_ids = {"a", "b", "c", "d"};
    log_.action_ids = {"view", "buy"};
    Add(0, 0, 0, 0, 1);
    Add(0, 0, 1, 10, 1);
    Add(1, 0, 0, 2, 1);
    Add(0, 1, 1, 10, 5);
    Add(2, 2, 0, 8, -3);
    data_.events = &log_;
    data_.interactions = &interactions_;
    data_.items = &items_;
  }
  void Add(uint32_t user, uint32_t item, uint16_t action, int64_t day, float value) {
    log_.user.push_back(user);
    log_.item.push_back(item);
    log_.action.push_back(action);
    log_.time_ms.push_back(day * kDay);
    log_.value.push_back(value);
  }
  std::vector<float> Count(const PopularOptions& options) {
    const auto counts = Popularity(data_, options);
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.ok() ? *counts : std::vector<float>();
  }

  EventLog log_;
  Interactions interactions_;
  ItemTable items_;
  TrainingData data_;
};

TEST_F(PopularFamilyTest, CountsUsersEventsAndValues) {
  EXPECT_THAT(Count({}), ElementsAre(2, 1, 1, 0));
  EXPECT_THAT(Count({.count = PopularityCount::kEvents}), ElementsAre(3, 1, 1, 0));
  EXPECT_THAT(Count({.count = PopularityCount::kValue}), ElementsAre(3, 5, 0, 0)) << "a negative sum is 0";
}

TEST_F(PopularFamilyTest, OldEventsCountLess) {
  // The newest event of all is on day 10; of a user's events with one item the newest counts.
  EXPECT_THAT(Count({.decay_days = 4}),
              ElementsAre(FloatEq(1 + 0.25f), FloatEq(1), FloatEq(std::exp2(-0.5f)), FloatEq(0)));
  EXPECT_THAT(Count({.count = PopularityCount::kEvents, .decay_days = 4}),
              ElementsAre(FloatEq(std::exp2(-2.5f) + 1 + 0.25f), FloatEq(1), FloatEq(std::exp2(-0.5f)), FloatEq(0)));
}

TEST_F(PopularFamilyTest, ActionsCountTheirWeight) {
  data_.weights.actions = {{"view", 0}, {"buy", 4}};
  EXPECT_THAT(Count({}), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(Count({.count = PopularityCount::kEvents}), ElementsAre(4, 4, 0, 0));
  EXPECT_THAT(Count({.count = PopularityCount::kValue}), ElementsAre(4, 20, 0, 0));
}

TEST_F(PopularFamilyTest, DecayNeedsTimesAndSumsMustFit) {
  log_.time_ms.clear();
  const auto status = Popularity(data_, {.decay_days = 4}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--time-column"));
  log_.value.assign(5, 3e38f);
  const auto large = Popularity(data_, {.count = PopularityCount::kValue}).status();
  EXPECT_THAT(std::string(large.message()), HasSubstr("'a'"));
}

// What a server says is the same order with the same scores, whoever asks.
TEST_F(PopularFamilyTest, TheEngineAnswersByPopularity) {
  Progress silent(Progress::Mode::kSilent);
  PopularFamily family;
  ParameterList parameters;
  family.Describe(&parameters);
  ASSERT_TRUE(parameters.Set("count", "value").ok());
  const auto space = family.Train(data_, "popular", &silent);
  ASSERT_TRUE(space.ok()) << space.status();
  BundleParts parts;
  AddIds(log_.user_ids, log_.item_ids, &parts);
  AddSpace("popular", space->spec.dim, space->items, {}, &parts);
  parts.tensors.push_back(OwnedTensor::Copy<float>("items.popularity", {4}, std::span(space->popularity)));
  SpaceSpec spec = space->spec;
  spec.prior_weight = family.default_prior_weight();
  AddMetadata("m", "1", "test", {{"popular", spec}}, "popular", "{}", &parts);
  const TempDir dir;
  const auto packed = PackParts(parts, dir.File("b.safetensors"));
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto model = Model::Load(dir.File("b.safetensors"));
  ASSERT_TRUE(model.ok()) << model.status();
  const EventView history[] = {{.item_id = "a", .weight = 2}};
  SubjectView known, inline_events;
  known.user_id = "u";
  inline_events.inline_events = history;
  RecommendOptions options;
  options.k = 4;
  options.include_seen = true;
  for (const SubjectView& subject : {SubjectView(), known, inline_events}) {
    EngineScratch scratch;
    RecommendResult result;
    ASSERT_TRUE(Recommender(**model).Recommend(subject, options, &scratch, &result).ok());
    EXPECT_EQ(result.source, AnswerSource::kPopularity);
    ASSERT_EQ(result.items.size(), 4u);
    const std::vector<uint32_t> order = {1, 0, 2, 3};
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(result.items[i].item, order[i]);
      EXPECT_EQ(result.items[i].score, space->popularity[order[i]]);
    }
  }
}

}  // namespace
}  // namespace kindred
