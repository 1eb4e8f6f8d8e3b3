#include "trainer/families/content_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "trainer/linalg/sparse_ops.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

ItemTable Table() {
  ItemTable items;
  items.category_ids = {"dept:a", "dept:b", "kind:x"};
  items.categories = {{0, 2}, {1}, {}, {0}};
  items.attributes = {{"price", {1, 3, kUnknown, 5}}};
  items.texts = {"red scarf", "blue scarf", "", "red hat"};
  return items;
}

std::vector<double> Row(const SparseMatrix& a, uint32_t row) {
  std::vector<double> out(a.cols, 0.0);
  for (size_t i = 0; i < a.RowIndices(row).size(); ++i) out[a.RowIndices(row)[i]] = a.RowValues(row)[i];
  return out;
}

TEST(ContentFeaturesTest, BlocksStandSideBySideWithTheirWeights) {
  const ContentFeatures all =
      MakeContentFeatures(Table(), 4, {.text_weight = 2, .category_weight = 3, .attribute_weight = 0.5});
  EXPECT_EQ(all.words, 4u);  // blue, hat, red, scarf
  EXPECT_EQ(all.categories, 3u);
  EXPECT_EQ(all.numbers, 1u);
  EXPECT_EQ(all.items_without, 1u);
  EXPECT_THAT(all.notes, ElementsAre(HasSubstr("1 of 4 items")));
  // Item 0: two words of one idf, two categories, a price below the mean by √1.5 standard deviations.
  const double word = 2 / std::sqrt(2.0), category = 3 / std::sqrt(2.0), price = -0.5 * std::sqrt(1.5);
  const double norm = std::sqrt(4 + 9 + price * price);
  const std::vector<double> expected = {0, 0, word, word, category, 0, category, price};
  const std::vector<double> row = Row(all.values, 0);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(row[i], expected[i] / norm, 1e-12) << i;
  // The price of item 1 is the mean: nothing.
  EXPECT_EQ(Row(all.values, 1)[7], 0);
  EXPECT_THAT(Row(all.values, 2), ::testing::Each(0.0));
  for (const uint32_t item : {0, 1, 3}) EXPECT_NEAR(RowNorms(all.values)[item], 1, 1e-14);
}

TEST(ContentFeaturesTest, MinMaxScalesToTheUnitInterval) {
  ItemTable items;
  items.attributes = {{"p", {1, 3, kUnknown, 5}}, {"q", {kUnknown, 2, 2, 4}}};
  const ContentFeatures all = MakeContentFeatures(items, 4, {.scaling = Scaling::kMinMax});
  EXPECT_THAT(Row(all.values, 1), ElementsAre(1, 0));
  EXPECT_THAT(Row(all.values, 3),
              ElementsAre(::testing::DoubleEq(std::sqrt(0.5)), ::testing::DoubleEq(std::sqrt(0.5))));
  EXPECT_EQ(all.items_without, 2u);  // item 0 is the least of p and unknown in q, item 2 the least of q
}

TEST(ContentFeaturesTest, ABlockOfWeightZeroIsLeftOut) {
  const ContentFeatures text = MakeContentFeatures(Table(), 4, {.category_weight = 0, .attribute_weight = 0});
  EXPECT_EQ(text.values.cols, 4u);
  EXPECT_THAT(Row(text.values, 0),
              ElementsAre(0, 0, ::testing::DoubleEq(std::sqrt(0.5)), ::testing::DoubleEq(std::sqrt(0.5))));
}

TEST(ContentFeaturesTest, ColumnsThatSayNothingAreNamed) {
  ItemTable items;
  items.attributes = {{"same", {7, 7, kUnknown}}, {"void", {kUnknown, kUnknown, kUnknown}}};
  const ContentFeatures none = MakeContentFeatures(items, 3, {});
  EXPECT_EQ(none.values.cols, 0u);
  EXPECT_EQ(none.values.rows, 3u);
  EXPECT_THAT(none.notes, ElementsAre(::testing::AllOf(HasSubstr("'same'"), HasSubstr("one value only")),
                                      ::testing::AllOf(HasSubstr("'void'"), HasSubstr("no value")),
                                      HasSubstr("no item has a usable feature")));
}

TEST(ContentFeaturesTest, NothingKnownAndOneItem) {
  EXPECT_EQ(MakeContentFeatures({}, 5, {}).items_without, 5u);
  EXPECT_EQ(MakeContentFeatures({}, 5, {}).values.offsets.size(), 6u);
  ItemTable one;
  one.category_ids = {"c:1"};
  one.categories = {{0}};
  EXPECT_THAT(Row(MakeContentFeatures(one, 1, {}).values, 0), ElementsAre(1));
}

TEST(ContentFeaturesTest, TextsWithoutAWordAreSaid) {
  ItemTable items;
  items.texts = {"a", "!"};
  EXPECT_THAT(MakeContentFeatures(items, 2, {}).notes, ::testing::Contains(HasSubstr("give no word")));
}

}  // namespace
}  // namespace kindred
