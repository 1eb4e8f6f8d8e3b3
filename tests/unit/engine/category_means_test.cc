#include "core/engine/category_means.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kindred {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Five items in three categories: 0 in {0}, 1 in {0, 1}, 2 in none, 3 in {1, 2}, 4 in {2}.
constexpr int64_t kOffsets[] = {0, 1, 3, 3, 5, 6};
constexpr uint32_t kValues[] = {0, 0, 1, 1, 2, 2};
const RowsView kCategories = {kOffsets, kValues, {}};

TEST(CategoryMeans, AverageTheItemsThatHaveAVector) {
  const float items[] = {3, 4, 0, 2, 9, 9, 0, 0, 0, 0};
  EXPECT_THAT(CategoryMeans(items, 2, kCategories, 3, /*unit=*/false), ElementsAre(1.5f, 3.0f, 0, 2, 0, 0));
  EXPECT_THAT(CategoryMeans(items, 2, kCategories, 3, /*unit=*/true), ElementsAre(0.3f, 0.9f, 0, 1, 0, 0));
}

TEST(CategoryMeans, AreNotMadeWhereEveryItemHasAVector) {
  const float items[] = {3, 4, 0, 2, 9, 9, 1, 0, 0, 1};
  EXPECT_THAT(CategoryMeans(items, 2, kCategories, 3, false), IsEmpty());
}

TEST(CategoryMeans, AreNotMadeWithoutCategoriesNorPastTheLimit) {
  const float items[] = {3, 0, 9, 0, 0};
  EXPECT_THAT(CategoryMeans(items, 1, {}, 0, false), IsEmpty());
  EXPECT_THAT(CategoryMeans(items, 1, kCategories, 3, false), ElementsAre(3, 0, 0));
  const std::vector<float> wide(5 * 4096, 0.0f);
  EXPECT_THAT(CategoryMeans(wide, 4096, kCategories, 16'385, false), IsEmpty());
}

TEST(CategoryMeans, OfExtremeNumbersAreFinite) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  for (const float value : {kLargest, -kLargest, 1e-42f}) {
    const float items[] = {value, value, value, value, 0, 0, value, 0, 0, value};
    for (const bool unit : {false, true}) {
      const std::vector<float> means = CategoryMeans(items, 2, kCategories, 3, unit);
      ASSERT_EQ(means.size(), 6u);
      EXPECT_THAT(means, Each(::testing::Truly([](float x) { return std::isfinite(x); }))) << value;
      EXPECT_TRUE(!unit || std::abs(std::abs(means[0]) - std::sqrt(0.5)) < 1e-6) << value;
    }
  }
}

}  // namespace
}  // namespace kindred
