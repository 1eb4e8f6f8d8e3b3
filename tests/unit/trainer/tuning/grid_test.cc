#include "trainer/tuning/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(GridTest, ReadsAnAxis) {
  const auto axis = ParseGridAxis(" factors = 10, 20,30 ");
  ASSERT_TRUE(axis.ok()) << axis.status();
  EXPECT_EQ(axis->name, "factors");
  EXPECT_THAT(axis->values, ElementsAre("10", "20", "30"));
  const auto lists = ParseGridAxis("action_weights=view=1,buy=4|view=1,buy=1");
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_EQ(lists->name, "action_weights");
  EXPECT_THAT(lists->values, ElementsAre("view=1,buy=4", "view=1,buy=1"));
}

TEST(GridTest, SaysWhatIsWrongWithAnAxis) {
  for (const char* text : {"", "factors", "=1", " =1", "factors=", "factors=1,", "factors=,1", "factors=1,,2"}) {
    EXPECT_THAT(std::string(ParseGridAxis(text).status().message()), HasSubstr("grid: found")) << text;
  }
  EXPECT_THAT(std::string(ParseGridAxis("factors=1,2,1").status().message()), HasSubstr("'1' stands twice"));
}

TEST(GridTest, EveryCombinationTheLastAxisFastest) {
  const auto points = GridPoints({{"a", {"1", "2"}}, {"b", {"x", "y", "z"}}}, 0, 1);
  ASSERT_TRUE(points.ok()) << points.status();
  EXPECT_THAT(*points, ElementsAre(ElementsAre("1", "x"), ElementsAre("1", "y"), ElementsAre("1", "z"),
                                   ElementsAre("2", "x"), ElementsAre("2", "y"), ElementsAre("2", "z")));
}

TEST(GridTest, DrawsSomeOfALargeGrid) {
  std::vector<std::string> values;
  for (int i = 0; i < 1000; ++i) values.push_back(std::to_string(i));
  const std::vector<GridAxis> axes = {{"a", values}, {"b", values}};
  EXPECT_THAT(std::string(GridPoints(axes, 0, 1).status().message()), HasSubstr("--max-runs"));
  const auto points = GridPoints(axes, 7, 1), again = GridPoints(axes, 7, 1), other = GridPoints(axes, 7, 2);
  ASSERT_TRUE(points.ok()) << points.status();
  EXPECT_THAT(*points, SizeIs(7));
  EXPECT_EQ(*points, *again);
  EXPECT_NE(*points, *other);
  EXPECT_THAT(std::set(points->begin(), points->end()), SizeIs(7));
  EXPECT_THAT(*GridPoints({{"a", {"1", "2"}}}, 7, 1), SizeIs(2)) << "more than there are";
  EXPECT_THAT(std::string(GridPoints({{"a", values}, {"b", values}, {"c", {"1", "2"}}}, 7, 1).status().message()),
              HasSubstr("more than 1,000,000 combinations"));
}

TEST(GridTest, RefusesNoAxisAndAnAxisTwice) {
  EXPECT_THAT(std::string(GridPoints({}, 0, 1).status().message()), HasSubstr("empty"));
  EXPECT_THAT(std::string(GridPoints({{"a", {"1"}}, {"a", {"2"}}}, 0, 1).status().message()),
              HasSubstr("a stands twice"));
  EXPECT_THAT(std::string(GridPoints({{"a", {}}}, 0, 1).status().message()), HasSubstr("a has no value"));
}

}  // namespace
}  // namespace kindred
