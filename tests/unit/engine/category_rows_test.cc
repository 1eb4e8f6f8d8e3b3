#include "core/engine/category_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Five items in three categories: 0 in {0}, 1 in {0, 1}, 2 in none, 3 in {1, 2}, 4 in {2}.
constexpr int64_t kOffsets[] = {0, 1, 3, 3, 5, 6};
constexpr uint32_t kValues[] = {0, 0, 1, 1, 2, 2};
const RowsView kCategories = {kOffsets, kValues, {}};

// Sparse rows of a dense matrix, zeros left out, unless `keep_zeros`.
struct Rows {
  Rows(std::span<const float> dense, uint32_t dim, bool keep_zeros = false) {
    for (size_t i = 0; i < dense.size(); ++i) {
      if (dense[i] != 0 || keep_zeros) {
        columns.push_back(static_cast<uint32_t>(i % dim));
        weights.push_back(dense[i]);
      }
      if (i % dim == dim - 1) offsets.push_back(static_cast<int64_t>(columns.size()));
    }
  }
  RowsView view() const { return {offsets, columns, weights}; }

  std::vector<int64_t> offsets = {0};
  std::vector<uint32_t> columns;
  std::vector<float> weights;
};

TEST(CategoryRows, AverageTheItemsThatHaveARow) {
  const float items[] = {3, 4, 0, 0, 2, 0, 9, 9, 9, 0, 0, 0, 0, 0, 0};
  for (const bool keep_zeros : {false, true}) {
    const Rows rows(items, 3, keep_zeros);
    const CategoryRows plain = MakeCategoryRows(rows.view(), 3, kCategories, 3, /*unit=*/false);
    EXPECT_THAT(plain.offsets, ElementsAre(0, 2, 3, 3));
    EXPECT_THAT(plain.columns, ElementsAre(0, 1, 1));
    EXPECT_THAT(plain.weights, ElementsAre(1.5f, 3.0f, 2.0f));
    const CategoryRows unit = MakeCategoryRows(rows.view(), 3, kCategories, 3, /*unit=*/true);
    EXPECT_THAT(unit.columns, ElementsAre(0, 1, 1));
    EXPECT_THAT(unit.weights, ElementsAre(0.3f, 0.9f, 1.0f));
  }
}

TEST(CategoryRows, LeaveOutWhatCancels) {
  const float items[] = {1, 1, -1, 1, 1, 1, 0, 0, 0, 0};
  const Rows rows(items, 2);
  const CategoryRows made = MakeCategoryRows(rows.view(), 2, kCategories, 3, false);
  EXPECT_THAT(made.offsets, ElementsAre(0, 1, 3, 3));
  EXPECT_THAT(made.columns, ElementsAre(1, 0, 1));
}

TEST(CategoryRows, AreNotMadeWhereEveryItemHasARowNorWithoutCategories) {
  const float full[] = {3, 4, 0, 2, 9, 9, 1, 0, 0, 1}, some[] = {3, 4, 0, 2, 9, 9, 1, 0, 0, 0};
  EXPECT_THAT(MakeCategoryRows(Rows(full, 2).view(), 2, kCategories, 3, false).offsets, IsEmpty());
  EXPECT_THAT(MakeCategoryRows(Rows(some, 2).view(), 2, {}, 0, false).offsets, IsEmpty());
  EXPECT_THAT(MakeCategoryRows({}, 2, kCategories, 3, false).offsets, IsEmpty());
  EXPECT_THAT(MakeCategoryRows(Rows(some, 2).view(), 2, kCategories, 3, false).offsets, ElementsAre(0, 2, 4, 5));
}

TEST(CategoryRows, KeepTheLargestNumbersOfAWideRow) {
  constexpr uint32_t kDim = 3000;
  std::mt19937 random(5);
  std::vector<float> items(5 * kDim, 0.0f);
  // Few distinct sizes, of either sign, so that many are equal.
  for (uint32_t j = 0; j < 2 * kDim; ++j) items[j] = 1.0f + static_cast<float>(random() % 5);
  for (uint32_t j = 0; j < 2 * kDim; j += 3) items[j] *= -1;
  const CategoryRows made = MakeCategoryRows(Rows(items, kDim).view(), kDim, kCategories, 3, false);
  for (const uint32_t category : {0, 1}) {
    std::vector<std::pair<float, uint32_t>> all;  // −|mean|, column
    std::vector<float> means(kDim);
    for (uint32_t j = 0; j < kDim; ++j) {
      means[j] = category == 0 ? (items[j] + items[kDim + j]) / 2 : items[kDim + j];
      if (means[j] != 0) all.emplace_back(-std::abs(means[j]), j);
    }
    std::sort(all.begin(), all.end());
    ASSERT_GT(all.size(), kMaxCategoryRow);
    std::vector<uint32_t> kept;
    for (size_t n = 0; n < kMaxCategoryRow; ++n) kept.push_back(all[n].second);
    std::sort(kept.begin(), kept.end());
    const auto columns = made.view().Row(category);
    EXPECT_THAT(columns, ::testing::ElementsAreArray(kept));
    for (size_t n = 0; n < columns.size(); ++n) EXPECT_EQ(made.view().RowWeights(category)[n], means[columns[n]]);
  }
  EXPECT_EQ(made.offsets.back(), int64_t{2 * kMaxCategoryRow});
}

TEST(CategoryRows, OfVeryManyCategoriesAreShorter) {
  const uint32_t n_categories = 1u << 20;  // 64 numbers each
  std::vector<float> items(2 * 100, 0.0f);
  for (uint32_t j = 0; j < 100; ++j) items[j] = static_cast<float>(j + 1);
  const int64_t offsets[] = {0, 1, 1};
  const uint32_t values[] = {n_categories - 1};
  const CategoryRows made = MakeCategoryRows(Rows(items, 100).view(), 100, {offsets, values, {}}, n_categories, false);
  ASSERT_EQ(made.offsets.size(), size_t{n_categories} + 1);
  ASSERT_EQ(made.columns.size(), kMaxCategoryRowNumbers / n_categories);
  EXPECT_EQ(made.columns.front(), 36u);
}

TEST(CategoryRows, OfSeveralSpacesShareTheirNumbers) {
  const float some[] = {3, 4, 0, 2, 9, 9, 1, 0, 0, 0};
  const CategoryRows made = MakeCategoryRows(Rows(some, 2).view(), 2, kCategories, 3, false, /*max_numbers=*/3);
  EXPECT_THAT(made.offsets, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(made.columns, ElementsAre(1, 1, 0));
}

TEST(CategoryRows, AreNotMadeWhereThatWereTooMuchWork) {
  // One item with a long row that is in very many categories, and one that says nothing.
  for (const uint32_t n_categories : {1u << 8, (1u << 17) + 1}) {
    const int64_t offsets[] = {0, 1 << 17, 1 << 17}, item_offsets[] = {0, n_categories, n_categories};
    std::vector<uint32_t> columns(1 << 17), categories(n_categories);
    std::iota(columns.begin(), columns.end(), 0u);
    std::iota(categories.begin(), categories.end(), 0u);
    const std::vector<float> weights(1 << 17, 1.0f);
    const CategoryRows made =
        MakeCategoryRows({offsets, columns, weights}, 1 << 17, {item_offsets, categories, {}}, n_categories, false);
    EXPECT_EQ(made.offsets.empty(), uint64_t{n_categories} << 17 > kMaxCategoryRowWork);
    EXPECT_EQ(made.weights.empty(), made.offsets.empty());
  }
}

TEST(CategoryRows, OfExtremeNumbersAreFinite) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  for (const float value : {kLargest, -kLargest, 1e-42f}) {
    const float items[] = {value, value, value, value, 0, 0, value, 0, 0, value};
    for (const bool unit : {false, true}) {
      const CategoryRows made = MakeCategoryRows(Rows(items, 2).view(), 2, kCategories, 3, unit);
      ASSERT_EQ(made.weights.size(), 6u);
      for (const float x : made.weights) EXPECT_TRUE(std::isfinite(x)) << value;
      EXPECT_TRUE(!unit || std::abs(std::abs(made.weights[0]) - std::sqrt(0.5)) < 1e-6) << value;
    }
  }
}

}  // namespace
}  // namespace kindred
