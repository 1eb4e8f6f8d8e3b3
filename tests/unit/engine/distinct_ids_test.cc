#include "core/engine/distinct_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(KeepFirstOfEachTest, TheOrderStays) {
  std::vector<uint32_t> slots;
  std::vector<std::string_view> ids = {"b", "a", "b", "", "c", "a", ""};
  KeepFirstOfEach(&ids, &slots);
  EXPECT_THAT(ids, ElementsAre("b", "a", "", "c"));
  ids.clear();
  KeepFirstOfEach(&ids, &slots);
  EXPECT_THAT(ids, IsEmpty());
  ids = {"one"};
  KeepFirstOfEach(&ids, &slots);
  EXPECT_THAT(ids, ElementsAre("one"));
}

TEST(KeepFirstOfEachTest, AsLookingBack) {
  std::mt19937_64 rng(1);
  std::vector<uint32_t> slots;
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> texts(rng() % 400);
    for (std::string& text : texts) text = std::to_string(rng() % 200);
    std::vector<std::string_view> ids(texts.begin(), texts.end()), expected;
    for (std::string_view id : ids) {
      if (std::find(expected.begin(), expected.end(), id) == expected.end()) expected.push_back(id);
    }
    KeepFirstOfEach(&ids, &slots);
    EXPECT_EQ(ids, expected);
  }
}

}  // namespace
}  // namespace kindred
