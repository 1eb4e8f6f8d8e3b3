#include "trainer/data/item_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ItemTableTest : public ::testing::Test {
 protected:
  ItemTableTest() {
    options_.name_column = "name";
    options_.category_columns = {"dept", "brand"};
    options_.attribute_columns = {"price"};
  }

  absl::StatusOr<ItemTable> Read(const std::string& text) {
    WriteFile(path_, text);
    return ReadItemTable(path_, options_, {"a", "b", "c"});
  }

  void ExpectError(const std::string& text, const std::vector<std::string>& parts) {
    const auto read = Read(text);
    ASSERT_FALSE(read.ok()) << text;
    for (const std::string& part : parts) EXPECT_THAT(read.status().message(), HasSubstr(part));
  }

  TempDir dir_;
  std::string path_ = dir_.File("items.csv");
  ItemTableOptions options_;
};

TEST_F(ItemTableTest, FollowsTheCatalogueNotTheFile) {
  const auto table = Read(
      "item_id,name,dept,brand,price\n"
      "c,Cheese,DAIRY,Own,2.5\n"
      "z,Zucchini,GREENS,Own,1\n"
      "a, Apples ,FRUIT,,\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->names, ElementsAre("Apples", "b", "Cheese"));
  EXPECT_THAT(table->category_ids, ElementsAre("brand:Own", "dept:DAIRY", "dept:FRUIT"));
  EXPECT_THAT(table->categories, ElementsAre(ElementsAre(2), IsEmpty(), ElementsAre(0, 1)));
  ASSERT_EQ(table->attributes.size(), 1u);
  EXPECT_EQ(table->attributes[0].first, "price");
  EXPECT_TRUE(std::isnan(table->attributes[0].second[0]));
  EXPECT_TRUE(std::isnan(table->attributes[0].second[1]));
  EXPECT_EQ(table->attributes[0].second[2], 2.5f);
  EXPECT_EQ(table->rows_read, 3u);
  EXPECT_EQ(table->rows_of_other_items, 1u);
  EXPECT_EQ(table->items_without_row, 1u);
}

TEST_F(ItemTableTest, TwoColumnsWithTheSameCellAreTwoCategories) {
  options_.category_columns = {"dept", "brand"};
  const auto table = Read("item_id,name,dept,brand,price\na,A,X,X,\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->category_ids, ElementsAre("brand:X", "dept:X"));
}

TEST_F(ItemTableTest, ErrorsNameTheCell) {
  ExpectError("item_id,name,dept,brand\na,A,X,Y\n", {"'price'", "item_id, name, dept, brand"});
  ExpectError("item_id,name,dept,brand,price\na,A,X,Y,cheap\n", {"line 2", "'price'", "'cheap'"});
  ExpectError("item_id,name,dept,brand,price\na,A,X,Y,1e39\n", {"'1e39'"});
  ExpectError("item_id,name,dept,brand,price\na,\xff,X,Y,1\n", {"line 2", "'name'", "UTF-8"});
  ExpectError("item_id,name,dept,brand,price\na,A,X,Y,1\na,A,X,Y,1\n", {"line 3", "'a'", "line 2 already"});
  ExpectError("item_id,name,dept,brand,price\na,A," + std::string(1024, 'x') + ",Y,1\n", {"category", "1029 bytes"});
}

TEST_F(ItemTableTest, AFileOfOtherItemsIsTheWrongFile) {
  ExpectError("item_id,name,dept,brand,price\nx,A,X,Y,1\n", {"none of its 1 rows", "'a'"});
}

TEST_F(ItemTableTest, TextColumnsAreJoined) {
  options_.text_columns = {"name", "dept"};
  const auto table = Read("item_id,name,dept,brand,price\na, Red hat ,HATS,,\nb,,SCARVES,,\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->texts, ElementsAre("Red hat HATS", "SCARVES", ""));
}

TEST_F(ItemTableTest, ACellOfSeveralCategories) {
  options_.category_columns = {"dept"};
  options_.category_separator = "|";
  const auto table = Read("item_id,name,dept,brand,price\na,A,X| Y ||X,,\nb,B,Y,,\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->category_ids, ElementsAre("dept:X", "dept:Y"));
  EXPECT_THAT(table->categories, ElementsAre(ElementsAre(0, 1), ElementsAre(1), IsEmpty()));
}

// A space in a column's name gave a tensor name that no reader took.
TEST_F(ItemTableTest, AttributeNamesFitABundle) {
  EXPECT_EQ(AttributeName("Price (USD)"), "Price_USD");
  EXPECT_EQ(AttributeName("unit_price-v1.0"), "unit_price-v1.0");
  EXPECT_EQ(AttributeName(" größe "), "gr_e");
  EXPECT_EQ(AttributeName("价格"), "");
  options_ = {.attribute_columns = {"unit price"}};
  const auto table = Read("item_id,unit price\na,2\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->attributes[0].first, "unit_price");
  EXPECT_EQ(table->attributes[0].second[0], 2.0f);

  options_.attribute_columns = {"价格"};
  ExpectError("item_id,价格\na,2\n", {"items.csv", "价格", "rename"});
  options_.attribute_columns = {"unit price", "unit-price", "unit/price"};
  ExpectError("item_id,unit price,unit-price,unit/price\na,2,2,2\n", {"'unit price'", "'unit/price'", "'unit_price'"});
  options_.attribute_columns = {std::string(65, 'x')};
  ExpectError("item_id," + std::string(65, 'x') + "\na,2\n", {"longer than 64 bytes"});
}

TEST_F(ItemTableTest, ItemsThatNobodyTouchedJoinTheCatalogue) {
  WriteFile(path_, "item_id,name\nz,Z\na,A\ny,Y\n");
  const auto ids = ReadItemIds(path_, {});
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_THAT(*ids, ElementsAre("z", "a", "y"));
  EventLog log;
  log.item_ids = {"a", "b"};
  EXPECT_EQ(AddItems(*ids, &log), 2u);
  EXPECT_THAT(log.item_ids, ElementsAre("a", "b", "z", "y"));
  EXPECT_EQ(AddItems(*ids, &log), 0u);

  WriteFile(path_, "item_id,name\nz,Z\n,A\n");
  EXPECT_THAT(std::string(ReadItemIds(path_, {}).status().message()), HasSubstr("line 3, column 'item_id'"));
  EXPECT_TRUE(absl::IsNotFound(ReadItemIds(dir_.File("no.csv"), {}).status()));
}

}  // namespace
}  // namespace kindred
