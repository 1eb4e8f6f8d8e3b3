#include "trainer/base/alias_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "trainer/base/random.h"

namespace kindred {
namespace {

TEST(AliasTableTest, DrawsByWeight) {
  const std::vector<double> weights{1, 0, 10, 3.5, 0.5, 85};
  const AliasTable table(weights);
  Random random(3);
  constexpr int kDraws = 400'000;
  std::vector<int> count(weights.size(), 0);
  for (int i = 0; i < kDraws; ++i) ++count[table.Draw(random.Bits())];
  EXPECT_EQ(count[1], 0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double chi = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double expected = weights[i] / total * kDraws;
    if (expected > 0) chi += std::pow(count[i] - expected, 2) / expected;
  }
  EXPECT_LT(chi, 23.5);  // 4 degrees of freedom: once in 10,000 times
}

TEST(AliasTableTest, OneOutcomeAndEqualOnes) {
  const std::vector<double> one{0.25};
  EXPECT_EQ(AliasTable(one).Draw(~uint64_t{0}), 0u);
  const std::vector<double> equal(3, 7.0);
  const AliasTable table(equal);
  EXPECT_EQ(table.Draw(0), 0u);
  EXPECT_EQ(table.Draw(~uint64_t{0}), 2u);
}

TEST(AliasTableTest, AWeightOfZeroIsNeverDrawnWhateverTheOthers) {
  for (int n = 2; n < 200; ++n) {
    std::vector<double> weights(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) weights[static_cast<size_t>(i)] = i % 3 == 0 ? 0.0 : 1.0 / (i + 0.1);
    const AliasTable table(weights);
    Random random(static_cast<uint64_t>(n));
    for (int draw = 0; draw < 2000; ++draw) ASSERT_NE(table.Draw(random.Bits()) % 3, 0u) << n;
  }
}

}  // namespace
}  // namespace kindred
