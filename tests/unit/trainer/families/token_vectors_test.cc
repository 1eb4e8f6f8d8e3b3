#include "trainer/families/token_vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Items 0 and 1 of category 0, item 1 also of category 1, item 2 of none; category 2 has no item. Item 0 is viewed and
// bought, the others viewed; nobody shares anything.
class TokenMeansTest : public ::testing::Test {
 protected:
  TokenMeansTest() {
    sequences_.token_ids = {"view_0", "buy_0", "view_1", "view_2"};
    sequences_.token_item = {0, 0, 1, 2};
    sequences_.token_action = {0, 1, 0, 0};
    sequences_.token_count = {9, 3, 1, 5};
    items_.category_ids = {"a", "b", "empty"};
    items_.categories = {{0}, {0, 1}, {}, {}};
  }

  TokenSequences sequences_;
  ItemTable items_;
  const std::vector<float> vectors_ = {1, 2, 3, -4, 5, 8, 100, 100};  // [4 × 2]
};

TEST_F(TokenMeansTest, ACategoryIsTheMeanOfItsItemsTokensEachOnce) {
  EXPECT_THAT(CategoryMeans(sequences_, vectors_, items_),
              ElementsAre(3, 2,    // (1 + 3 + 5) / 3, (2 − 4 + 8) / 3, however often each occurs
                          5, 8,    // item 1 alone
                          0, 0));  // nothing has it
}

TEST_F(TokenMeansTest, ACategoryWhoseItemsHaveNoTokenIsZero) {
  items_.categories = {{0}, {0}, {}, {1}};  // category 1 is that of item 3, which nobody touched
  EXPECT_THAT(CategoryMeans(sequences_, vectors_, items_), ElementsAre(3, 2, 0, 0, 0, 0));
}

TEST_F(TokenMeansTest, WithoutAnItemTableThereIsNoCategory) {
  EXPECT_THAT(CategoryMeans(sequences_, vectors_, ItemTable()), IsEmpty());
  items_.categories.clear();
  EXPECT_THAT(CategoryMeans(sequences_, vectors_, items_), ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST_F(TokenMeansTest, AnActionIsTheMeanOfItsTokensEachOnce) {
  // view: (1 + 5 + 100) / 3, (2 + 8 + 100) / 3; buy: one token; a third action occurs in no token.
  const std::vector<float> means = ActionMeans(sequences_, vectors_, 3);
  ASSERT_EQ(means.size(), 6u);
  EXPECT_FLOAT_EQ(means[0], 106.0f / 3);
  EXPECT_FLOAT_EQ(means[1], 110.0f / 3);
  EXPECT_THAT(std::vector<float>(means.begin() + 2, means.end()), ElementsAre(3, -4, 0, 0));
}

TEST_F(TokenMeansTest, TokensWithoutActionsGiveNoActionAVector) {
  sequences_.token_action.clear();
  EXPECT_THAT(ActionMeans(sequences_, vectors_, 2), ElementsAre(0, 0, 0, 0));
}

TEST_F(TokenMeansTest, AnItemIsTheMeanOfItsTokensByOccurrence) {
  EXPECT_THAT(ItemMeans(sequences_, vectors_, 4), ElementsAre(1.5, 0.5,  // (9 · 1 + 3 · 3) / 12, (9 · 2 − 3 · 4) / 12
                                                              5, 8,      // one token
                                                              100, 100,  //
                                                              0, 0));    // none
}

}  // namespace
}  // namespace kindred
