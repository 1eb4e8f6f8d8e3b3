#include "clients/cli/load_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace kindred {
namespace {

TEST(LoadHistogram, SmallValuesAreExact) {
  LoadHistogram histogram;
  for (int64_t v = 1; v <= 100; ++v) histogram.Add(v);
  EXPECT_EQ(histogram.count(), 100);
  EXPECT_EQ(histogram.max(), 100);
  EXPECT_EQ(histogram.Quantile(0.5), 50);
  EXPECT_EQ(histogram.Quantile(1), 100);
  EXPECT_EQ(histogram.Quantile(0), 1);
}

TEST(LoadHistogram, QuantilesAreWithinTheirPromiseOverAllMagnitudes) {
  std::mt19937_64 random(3);
  std::vector<int64_t> values;
  LoadHistogram histogram;
  for (int n = 0; n < 20'000; ++n) {
    values.push_back(int64_t{1} << (random() % 40));
    values.back() += static_cast<int64_t>(random() % static_cast<uint64_t>(values.back()));
    histogram.Add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size()))) - 1;
    const double truth = static_cast<double>(values[rank]), said = static_cast<double>(histogram.Quantile(q));
    EXPECT_GE(said, truth) << q;
    EXPECT_LE(said, truth * 1.016) << q;
  }
}

TEST(LoadHistogram, SumsAreAsOfAllValuesTogether) {
  LoadHistogram one, other, all;
  for (int64_t v = 0; v < 5'000; v += 7) {
    (v % 2 == 0 ? one : other).Add(v * v);
    all.Add(v * v);
  }
  one.Add(other);
  EXPECT_EQ(one.count(), all.count());
  EXPECT_EQ(one.max(), all.max());
  for (const double q : {0.1, 0.5, 0.99}) EXPECT_EQ(one.Quantile(q), all.Quantile(q)) << q;
}

TEST(LoadHistogram, NothingIsZero) {
  EXPECT_EQ(LoadHistogram().Quantile(0.99), 0);
  LoadHistogram histogram;
  histogram.Add(LoadHistogram());
  EXPECT_EQ(histogram.count(), 0);
}

}  // namespace
}  // namespace kindred
