#include "core/base/str_cat.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace kindred {
namespace {

TEST(StrCatTest, TakesEveryKindOfText) {
  const std::string_view view("abcdef", 3);
  const std::string owned = "xyz";
  const absl::string_view theirs = "uvw";
  EXPECT_EQ(StrCat(view, "-", owned, "-", theirs, "-", 42, "-", ~uint64_t{0}, "-", std::string_view()),
            "abc-xyz-uvw-42-18446744073709551615-");
  EXPECT_EQ(StrCat(), "");
}

TEST(StrCatTest, AppendsAndJoins) {
  std::string out = "a";
  StrAppend(&out, std::string_view("b"), 1);
  EXPECT_EQ(out, "ab1");
  EXPECT_EQ(StrJoin(std::vector<std::string_view>{"x", "y", "z"}, ", "), "x, y, z");
  EXPECT_EQ(StrJoin(std::vector<uint64_t>{7, 8}, std::string_view("×")), "7×8");
  EXPECT_EQ(StrJoin(std::vector<int>{}, ","), "");
}

}  // namespace
}  // namespace kindred
