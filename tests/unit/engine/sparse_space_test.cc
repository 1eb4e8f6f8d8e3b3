#include "core/engine/sparse_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

// Three items: {0: 1, 1: 2}, {0: -1, 1: 2}, and one whose only number is a 0 that is stored.
constexpr int64_t kOffsets[] = {0, 2, 4, 5};
constexpr uint32_t kColumns[] = {0, 1, 0, 1, 1};
constexpr float kWeights[] = {1, 2, -1, 2, 0};

SparseSpace Space(bool neighbors) {
  SparseSpace space;
  space.rows = {kOffsets, kColumns, kWeights};
  space.neighbors = neighbors;
  space.n_items = 3;
  space.dim = 3;
  return space;
}

TEST(SparseSpace, OnlyAnItemWithANumberOtherThanZeroSpeaks) {
  for (const bool neighbors : {false, true}) {
    SparseScratch scratch;
    std::vector<ItemWeight> silent = {{2, 1.0}}, both = {{1, 1.0}, {2, 1.0}};
    NormalizeCoefficients(Space(neighbors), RowsBy::kItem, &scratch, &silent);
    EXPECT_THAT(silent, IsEmpty()) << neighbors;
    NormalizeCoefficients(Space(neighbors), RowsBy::kItem, &scratch, &both);
    EXPECT_THAT(both, ElementsAre(Field(&ItemWeight::item, 1u), Field(&ItemWeight::item, 2u))) << neighbors;
  }
}

TEST(SparseSpace, AQueryCountsEachFeatureOnceHoweverManyItemsHaveIt) {
  // The first feature comes back to 0 on the way, so it is touched anew; the queries after it start from nothing.
  SparseScratch scratch;
  std::vector<ItemWeight> many;
  for (int n = 0; n < 1000; ++n) many.push_back({static_cast<uint32_t>(n % 2), 1.0});
  for (int again = 0; again < 2; ++again) {
    std::vector<ItemWeight> coefficients = many;
    NormalizeCoefficients(Space(false), RowsBy::kItem, &scratch, &coefficients);
    ASSERT_EQ(coefficients.size(), many.size());
    EXPECT_DOUBLE_EQ(coefficients[0].weight, 1 / 2000.0);
    EXPECT_THAT(scratch.touched, ElementsAre(0u, 1u));
    EXPECT_LT(scratch.touched.capacity(), many.size());
    EXPECT_TRUE(std::all_of(scratch.query.begin(), scratch.query.end(), [](double sum) { return sum == 0; }));
  }
}

}  // namespace
}  // namespace kindred
