#include "trainer/evaluation/advise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/bundle/tensor_names.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::BundleBuilder;
using kindred::testing::TempDir;
using ::testing::HasSubstr;

constexpr int64_t kDayMs = 86'400'000;

// 70 items; trained on day 100, of events until day 90.
class AdviseTest : public ::testing::Test {
 protected:
  AdviseTest() {
    BundleBuilder builder;
    builder.metadata()[std::string(names::kTraining)] =
        R"({"trained_at":"1970-04-11T00:00:00Z","last_event_ms":7776000000,"data":{"parameters":{"min_item_users":2}},)"
        R"("spaces":{"default":{"parameters":{"min_occurrences":3}}}})";
    builder.WriteRaw(dir_.File("bundle"));
    auto model = Model::Load(dir_.File("bundle"));
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    const auto add = [&](uint32_t user, uint32_t item, int64_t day) {
      events_.user.push_back(user);
      events_.item.push_back(item);
      events_.time_ms.push_back(day * kDayMs);
    };
    events_.user_ids = {"a", "b"};
    events_.item_ids = {"item-3", "new-1", "new-2"};
    add(0, 0, 80);
    add(0, 1, 91);
    add(1, 1, 95);
    add(1, 1, 96);
    add(0, 2, 97);
    add(0, 2, 98);
  }

  AdviceReport Report(int64_t day) {
    AdviceReport report;
    report.model = "shop";
    report.now_ms = day * kDayMs;
    report.times = ReadTrainingTimes(model_->info());
    report.counted = CountNewIds(*model_, events_, RememberedLimits(model_->info()));
    report.signals = SignalsOf(*model_, report.now_ms, static_cast<double>(report.counted->items), std::nullopt);
    report.advice = AdviseRetraining(report.signals, report.rules);
    return report;
  }

  TempDir dir_;
  std::shared_ptr<const Model> model_;
  EventLog events_;
};

TEST_F(AdviseTest, CountsWhatTheTrainingWouldTake) {
  const VocabularyLimits limits = RememberedLimits(model_->info());
  EXPECT_EQ(limits.min_item_users, 2);
  EXPECT_EQ(limits.min_token_events, 3);
  const NewIds found = CountNewIds(*model_, events_, limits);
  EXPECT_EQ(found.events, 6);
  EXPECT_EQ(found.newer_events, 5);
  EXPECT_EQ(found.items, 1);  // new-2 has one user only
  EXPECT_EQ(found.rare_items, 1);
  EXPECT_EQ(found.tokens, 0);
  EXPECT_EQ(CountNewIds(*model_, events_, {}).items, 2);
}

TEST_F(AdviseTest, SaysWhyWithTheFigures) {
  const AdviceReport fresh = Report(101);
  EXPECT_FALSE(fresh.advice.retrain());
  EXPECT_TRUE(fresh.advice.update);
  EXPECT_THAT(AdviceText(fresh), HasSubstr("no need to retrain (new ids 1.43 %)"));
  EXPECT_THAT(AdviceText(fresh), HasSubstr("advice        update"));
  const AdviceReport old = Report(108);
  EXPECT_THAT(AdviceText(old), HasSubstr("age: trained 8.0 days ago, more than 7"));
  const auto json = nlohmann::json::parse(AdviceJson(old));
  EXPECT_EQ(json["retrain"], true);
  EXPECT_EQ(json["days_since_training"], 8);
  EXPECT_EQ(json["days_since_newest_event"], 18);
  EXPECT_EQ(json["spaces"][0]["reasons"][0]["reason"], "age");
  EXPECT_NEAR(json["spaces"][0]["new_ratio"].get<double>(), 1.0 / 70, 1e-12);
  EXPECT_EQ(json["spaces"][0]["drift"], nullptr);
  EXPECT_EQ(json["events"]["rare_items"], 1);
}

}  // namespace
}  // namespace kindred
