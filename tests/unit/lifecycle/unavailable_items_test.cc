#include "core/lifecycle/unavailable_items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "absl/strings/str_format.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using Views = std::vector<std::string_view>;

std::vector<std::string> Ids(const UnavailableItems& items) {
  std::vector<std::string> out;
  for (size_t i = 0; i < items.size(); ++i) out.emplace_back(items.Id(i));
  return out;
}

TEST(UnavailableItemsTest, BeginsEmptyAtVersion0) {
  const UnavailableItems none;
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.version(), 0u);
  EXPECT_FALSE(none.Contains("a"));
  EXPECT_EQ(none.CountUpTo("a"), 0u);
}

TEST(UnavailableItemsTest, AscendsByteByByte) {
  const Views ids = {"a", "a\x7f", "b", "\xc3\xa9", "\xff"};
  const UnavailableItems items(ids, 7);
  EXPECT_EQ(items.version(), 7u);
  EXPECT_TRUE(items.Contains("\xc3\xa9"));
  EXPECT_FALSE(items.Contains(""));
  EXPECT_FALSE(items.Contains("a "));
  EXPECT_EQ(items.CountUpTo(""), 0u);
  EXPECT_EQ(items.CountUpTo("a"), 1u);
  EXPECT_EQ(items.CountUpTo("aa"), 1u);
  EXPECT_EQ(items.CountUpTo("z"), 3u);
  EXPECT_EQ(items.CountUpTo("\xff\xff"), 5u);
}

TEST(UnavailableItemsTest, AChangeLeavesTheSetBeforeAsItWas) {
  const Views ids = {"b", "d"};
  const UnavailableItems before(ids, 1);
  size_t changed = 0;
  const UnavailableItems after = before.With(Views{"a", "b", "e"}, Views{"c", "d"}, &changed);
  EXPECT_THAT(Ids(after), ElementsAre("a", "b", "e"));
  EXPECT_EQ(changed, 3u);  // a and e are out now, d is back; b was out, c was not
  EXPECT_EQ(after.version(), 2u);
  EXPECT_THAT(Ids(before), ElementsAre("b", "d"));
  EXPECT_EQ(before.version(), 1u);
}

TEST(UnavailableItemsTest, RandomChangesAreThoseOfASet) {
  std::mt19937 random(20261127);
  std::set<std::string> expected;
  UnavailableItems items;
  for (int round = 0; round < 300; ++round) {
    std::set<std::string> out, back;
    for (uint32_t i = random() % 20; i > 0; --i) out.insert(absl::StrFormat("%d", random() % 90));
    for (uint32_t i = random() % 20; i > 0; --i) {
      const std::string id = absl::StrFormat("%d", random() % 90);
      if (out.count(id) == 0) back.insert(id);
    }
    size_t expected_changes = 0, changed = 0;
    for (const std::string& id : out) expected_changes += expected.insert(id).second ? 1 : 0;
    for (const std::string& id : back) expected_changes += expected.erase(id);
    items = items.With(Views(out.begin(), out.end()), Views(back.begin(), back.end()), &changed);
    ASSERT_EQ(Ids(items), std::vector<std::string>(expected.begin(), expected.end())) << "round " << round;
    ASSERT_EQ(changed, expected_changes) << "round " << round;
  }
  EXPECT_EQ(items.version(), 300u);
}

}  // namespace
}  // namespace kindred
