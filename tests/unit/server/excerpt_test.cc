#include "server/excerpt.h"

#include <gtest/gtest.h>

#include "core/base/utf8.h"

namespace kindred {
namespace {

TEST(Excerpt, ShowsWhatIsShortAndPlain) {
  EXPECT_EQ(Excerpt(""), "");
  EXPECT_EQ(Excerpt("käse"), "käse");
  EXPECT_EQ(Excerpt("a\"b\nc"), "a\\\"b\\nc");
}

TEST(Excerpt, CutsBetweenCharacters) {
  EXPECT_EQ(Excerpt("abcdef", 3), "abc…");
  EXPECT_EQ(Excerpt("ééé", 3), "é…");
  EXPECT_EQ(CutUtf8("ééé", 4), "éé");
  EXPECT_EQ(CutUtf8("ééé", 1), "");
  EXPECT_EQ(CutUtf8("ééé", 6), "ééé");
}

TEST(Excerpt, IsUtf8WhateverItIsGiven) {
  for (std::string text : {"\xff\xfe", "a\xc3", "\xed\xa0\x80", "\x80\x80\x80\x80"}) {
    EXPECT_TRUE(IsValidUtf8(Excerpt(text))) << text;
    EXPECT_TRUE(IsValidUtf8(Excerpt(text, 1))) << text;
  }
}

}  // namespace
}  // namespace kindred
