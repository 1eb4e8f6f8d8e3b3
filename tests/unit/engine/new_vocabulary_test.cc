#include "core/engine/new_vocabulary.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/space_zoo.h"
#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

// Items p0 … p29; tokens view_p0 … view_p19 and buy_p0 … buy_p9.
class NewVocabularyTest : public ::testing::Test {
 protected:
  std::string Token(std::string_view item, std::string_view action) {
    return std::string(NewToken(*model_, {.item_id = item, .action = action}, &key_));
  }

  testing::SpaceZoo zoo_;
  std::shared_ptr<const Model> model_ = zoo_.Load();
  std::string key_;
};

TEST_F(NewVocabularyTest, ItemsOutsideTheCatalogueAreNew) {
  EXPECT_EQ(NewItem(*model_, {.item_id = "p29"}), "");
  EXPECT_EQ(NewItem(*model_, {.item_id = "p30"}), "p30");
}

TEST_F(NewVocabularyTest, TokensAreActionAndItem) {
  EXPECT_EQ(Token("p5", "buy"), "");
  EXPECT_EQ(Token("p15", "buy"), "buy_p15");  // a known item, bought for the first time
  EXPECT_EQ(Token("p5", "rate"), "rate_p5");  // a new action
  EXPECT_EQ(Token("zzz", "view"), "view_zzz");
  EXPECT_EQ(Token("p25", ""), "");  // without its action: the item
  EXPECT_EQ(Token("zzz", ""), "zzz");
}

TEST_F(NewVocabularyTest, ActionsThatCountNothingAreNoTokens) {
  zoo_.specs.find("tokens")->second.actions["rate"] = 0;
  zoo_.specs.find("traits")->second.actions["rate"] = 0;
  model_ = zoo_.Load();
  EXPECT_EQ(Token("p5", "rate"), "");
}

TEST_F(NewVocabularyTest, CountsDistinctIds) {
  NewVocabulary& met = model_->new_vocabulary();
  const std::vector<EventView> events = {{.item_id = "p5", .action = "view"},
                                         {.item_id = "new", .action = "view"},
                                         {.item_id = "new", .action = "view"},
                                         {.item_id = "p15", .action = "buy"}};
  for (int round = 0; round < 3; ++round) met.Add(*model_, events, &key_);
  EXPECT_NEAR(met.items(), 1, 1e-3);
  EXPECT_NEAR(met.tokens(), 2, 1e-2);
}

TEST(NewVocabularyWithoutTokensTest, CountsItemsOnly) {
  const auto model = testing::LoadModel({});
  std::string key;
  model->new_vocabulary().Add(*model, std::vector<EventView>{{.item_id = "i3"}, {.item_id = "new"}}, &key);
  EXPECT_NEAR(model->new_vocabulary().items(), 1, 1e-3);
  EXPECT_EQ(model->new_vocabulary().tokens(), 0);
}

}  // namespace
}  // namespace kindred
