#include "trainer/reporting/axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kindred {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> out;
  out.reserve(ticks.size());
  for (const Tick& tick : ticks) out.push_back(tick.label);
  return out;
}

std::vector<std::string> Linear(const std::vector<double>& values, bool from_zero = false) {
  return Labels(LinearAxis(values, from_zero, 5).ticks);
}

TEST(AxisTest, LinearTicksAreRoundAndSpanTheValues) {
  EXPECT_THAT(Linear({0, 1}), ElementsAre("0", "0.5", "1.0"));
  EXPECT_THAT(Linear({0.061, 0.066}), ElementsAre("0.060", "0.062", "0.064", "0.066"));
  EXPECT_THAT(Linear({0.061, 0.066}, true), ElementsAre("0", "0.02", "0.04", "0.06", "0.08"));
  EXPECT_THAT(Linear({-3, 7}), ElementsAre("−5", "0", "5", "10"));
  EXPECT_THAT(Linear({0, 4200}), ElementsAre("0", "2,000", "4,000", "6,000"));
  const std::vector<double> values = {12.3, 45.6};
  const Axis axis = LinearAxis(values, false, 5);
  EXPECT_LE(axis.low, 12.3);
  EXPECT_GE(axis.high, 45.6);
  EXPECT_DOUBLE_EQ(axis.At(axis.low, 10, 20), 10);
  EXPECT_DOUBLE_EQ(axis.At(axis.high, 10, 20), 20);
}

TEST(AxisTest, DegenerateValuesStillMakeARange) {
  for (const std::vector<double>& values : std::vector<std::vector<double>>{
           {}, {0}, {5}, {-5, -5}, {0.25, 0.25}, {1e-12, 1e-12}, {1e300, 1e300}, {NAN}, {NAN, 3}, {INFINITY, 1}}) {
    for (const bool from_zero : {false, true}) {
      const Axis axis = LinearAxis(values, from_zero, 5);
      EXPECT_LT(axis.low, axis.high) << ::testing::PrintToString(values);
      EXPECT_GE(axis.ticks.size(), 2u);
      EXPECT_LE(axis.ticks.size(), 12u);
      for (const double value : values) {
        if (!std::isfinite(value)) continue;
        EXPECT_LE(axis.low, value);
        EXPECT_GE(axis.high, value);
      }
      for (size_t i = 1; i < axis.ticks.size(); ++i) {
        EXPECT_NE(axis.ticks[i].label, axis.ticks[i - 1].label) << ::testing::PrintToString(values);
      }
    }
  }
}

TEST(AxisTest, AxisOfTicksHasMarginsAndTakesOneOrNone) {
  const Axis linear = AxisOfTicks({{1, "1"}, {10, "10"}}, false);
  EXPECT_LT(linear.low, 1);
  EXPECT_GT(linear.high, 10);
  const Axis log = AxisOfTicks({{8, "8"}, {16, "16"}, {32, "32"}}, true);
  EXPECT_GT(log.low, 0);
  EXPECT_NEAR(log.At(16, 0, 100), 50, 1e-9);
  for (const bool logarithmic : {false, true}) {
    const Axis one = AxisOfTicks({{5, "5"}}, logarithmic), none = AxisOfTicks({}, logarithmic);
    EXPECT_LT(one.low, 5);
    EXPECT_GT(one.high, 5);
    EXPECT_NEAR(one.At(5, 0, 100), 50, 1e-9);
    EXPECT_LT(none.low, none.high);
  }
}

TEST(AxisTest, LogSuitsPositiveValuesThatSpanMuch) {
  EXPECT_TRUE(SuitsLog(std::vector<double>{8, 16, 64}));
  EXPECT_FALSE(SuitsLog(std::vector<double>{10, 20, 30}));
  EXPECT_FALSE(SuitsLog(std::vector<double>{0, 1, 100}));
  EXPECT_FALSE(SuitsLog(std::vector<double>{-1, 100}));
  EXPECT_FALSE(SuitsLog(std::vector<double>{1, INFINITY}));
  EXPECT_FALSE(SuitsLog({}));
}

TEST(AxisTest, LabelsHaveTheDigitsOfTheirStep) {
  EXPECT_EQ(TickLabel(0, 0.05), "0");
  EXPECT_EQ(TickLabel(0.15, 0.05), "0.15");
  EXPECT_EQ(TickLabel(-0.5, 0.5), "−0.5");
  EXPECT_EQ(TickLabel(1500, 500), "1,500");
  EXPECT_EQ(TickLabel(2e-7, 1e-7), "2e-07");
  EXPECT_EQ(TickLabel(3e8, 1e8), "3e+08");
}

TEST(AxisTest, OverlappingLabelsAreLeftOut) {
  std::vector<Tick> ticks;
  for (int i = 0; i <= 20; ++i) ticks.push_back({static_cast<double>(i), std::to_string(1000 + i)});
  const Axis axis = AxisOfTicks(ticks, false);
  const std::vector<Tick> kept = WithoutOverlap(axis, 300, 13);
  EXPECT_EQ(kept.front().label, "1000");
  EXPECT_EQ(kept.back().label, "1020");
  EXPECT_LT(kept.size(), ticks.size());
  for (size_t i = 1; i < kept.size(); ++i) {
    EXPECT_GT(axis.At(kept[i].value, 0, 300) - axis.At(kept[i - 1].value, 0, 300), TextWidth("1000", 13));
  }
  // On a logarithmic axis those at the crowded end go; where two do not fit, the first is left.
  EXPECT_THAT(Labels(WithoutOverlap(AxisOfTicks({{1, "1"}, {5, "5"}, {10, "10"}, {100, "100"}}, true), 400, 13)),
              ElementsAre("1", "5", "10", "100"));
  EXPECT_THAT(Labels(WithoutOverlap(AxisOfTicks({{1, "a long label"}, {2, "a long label"}}, false), 60, 13)),
              ElementsAre("a long label"));
  EXPECT_TRUE(WithoutOverlap(AxisOfTicks({}, false), 100, 13).empty());
}

}  // namespace
}  // namespace kindred
