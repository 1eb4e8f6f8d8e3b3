#include "trainer/families/item2vec_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/str_cat.h"
#include "trainer/data/aggregate.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

// Users 0 … 39, each with eight events of the ten items of one of two groups; item 20 is known and untouched.
EventLog TwoGroups() {
  EventLog log;
  for (int i = 0; i < 21; ++i) log.item_ids.push_back(StrCat("i", i));
  for (uint32_t u = 0; u < 40; ++u) {
    log.user_ids.push_back(StrCat("u", u));
    for (uint32_t e = 0; e < 8; ++e) {
      log.user.push_back(u);
      log.item.push_back(u % 2 * 10 + (u * 7 + e * 3) % 10);
      log.time_ms.push_back(1000 * e);
    }
  }
  return log;
}

absl::StatusOr<TrainedSpace> Train(const EventLog& log, const std::vector<std::pair<std::string, std::string>>& set) {
  const Interactions interactions = AggregateEvents(log, {});
  const ItemTable items;
  TrainingData data;
  data.events = &log;
  data.interactions = &interactions;
  data.items = &items;
  Item2vecFamily family;
  ParameterList parameters;
  family.Describe(&parameters);
  for (const auto& [name, value] : set) {
    const absl::Status status = parameters.Set(name, value);
    EXPECT_TRUE(status.ok()) << status;
  }
  Progress silent(Progress::Mode::kSilent);
  return family.Train(data, "item2vec", &silent);
}

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t j = 0; j < a.size(); ++j) sum += double{a[j]} * b[j];
  return sum;
}

TEST(Item2vecFamilyTest, UsersAreMeansOfWhatTheyDidAndNearTheirOwnGroup) {
  const EventLog log = TwoGroups();
  const auto space = Train(log, {{"factors", "8"}, {"epochs", "40"}});
  ASSERT_TRUE(space.ok()) << space.status();
  EXPECT_EQ(space->spec.fold_in, FoldIn::kMean);
  EXPECT_EQ(space->spec.metric, Metric::kCosine);
  ASSERT_EQ(space->items.size(), 21u * 8);
  ASSERT_EQ(space->users.size(), 40u * 8);
  for (size_t u = 0; u < 40; ++u) {
    std::vector<double> mean(8, 0.0);
    for (size_t row = 0; row < log.size(); ++row) {
      if (log.user[row] != u) continue;
      for (size_t j = 0; j < 8; ++j) mean[j] += space->items[log.item[row] * 8 + j] / 8.0;
    }
    for (size_t j = 0; j < 8; ++j) EXPECT_NEAR(space->users[u * 8 + j], mean[j], 1e-6);
    const std::span user = std::span(space->users).subspan(u * 8, 8);
    const double own = Dot(user, std::span(space->items).subspan(u % 2 * 80, 8));
    const double other = Dot(user, std::span(space->items).subspan((1 - u % 2) * 80, 8));
    EXPECT_GT(own, other) << u;
  }
  for (size_t j = 0; j < 8; ++j) EXPECT_EQ(space->items[20 * 8 + j], 0.0f) << "an untouched item says nothing";
}

TEST(Item2vecFamilyTest, OutputScoringKeepsTheInputVectorsAsSources) {
  const EventLog log = TwoGroups();
  const auto input = Train(log, {{"factors", "8"}});
  const auto output = Train(log, {{"factors", "8"}, {"scoring", "output"}});
  ASSERT_TRUE(input.ok() && output.ok());
  EXPECT_TRUE(input->parts.empty());
  ASSERT_EQ(output->parts.size(), 1u);
  EXPECT_EQ(output->parts[0].name, "space.item2vec.sources");
  EXPECT_EQ(input->users, output->users);
  EXPECT_NE(input->items, output->items);
}

TEST(Item2vecFamilyTest, EventsWithoutTimesAreOneSequenceAUser) {
  EventLog log = TwoGroups();
  log.time_ms.clear();
  EXPECT_TRUE(Train(log, {{"factors", "4"}}).ok());
  const auto gap = Train(log, {{"sessions", "gap"}});
  ASSERT_FALSE(gap.ok());
  EXPECT_THAT(gap.status().message(), HasSubstr("time column"));
}

TEST(Item2vecFamilyTest, OneUserOfOneEventIsAClearError) {
  EventLog log;
  log.user_ids = {"u"};
  log.item_ids = {"i"};
  log.user = {0};
  log.item = {0};
  const auto space = Train(log, {});
  ASSERT_FALSE(space.ok());
  EXPECT_THAT(space.status().message(), HasSubstr("neighbour"));
}

}  // namespace
}  // namespace kindred
