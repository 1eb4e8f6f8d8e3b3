#include "trainer/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(TrimmedTest, DropsBlanksAtBothEndsOnly) {
  EXPECT_EQ(Trimmed(" \t a b \r\n"), "a b");
  EXPECT_EQ(Trimmed(" \n"), "");
  EXPECT_EQ(Trimmed(""), "");
}

TEST(ParseNumberTest, ReadsFiniteNumbers) {
  EXPECT_EQ(ParseNumber("4.5"), 4.5);
  EXPECT_EQ(ParseNumber(" -3 "), -3);
  EXPECT_EQ(ParseNumber("+2"), 2);
  EXPECT_EQ(ParseNumber("1e-3"), 1e-3);
}

TEST(ParseNumberTest, RejectsEverythingElse) {
  for (const char* text : {"", " ", "nan", "inf", "-inf", "1e999", "4,5", "4.5x", "0x10", "+-2", "--2", "1 2"}) {
    EXPECT_FALSE(ParseNumber(text).has_value()) << text;
  }
}

TEST(ParseIndexTest, ReadsDigitsOnly) {
  EXPECT_EQ(ParseIndex("0"), 0u);
  EXPECT_EQ(ParseIndex(" 17 "), 17u);
  for (const char* text : {"", "-1", "1.0", "1e3", "abc", "99999999999999999999"}) {
    EXPECT_FALSE(ParseIndex(text).has_value()) << text;
  }
}

TEST(IdProblemTest, AcceptsUtf8UpToTheLongestId) {
  EXPECT_EQ(IdProblem("Crème brûlée, \"500 g\""), "");
  EXPECT_EQ(IdProblem(std::string(1024, 'x')), "");
  EXPECT_EQ(IdProblem(std::string(1025, 'x')), "is 1025 bytes long, at most 1024 are allowed");
  EXPECT_EQ(IdProblem("a\xff"), "is not valid UTF-8");
}

TEST(ShownTest, EscapesAndCuts) {
  EXPECT_EQ(Shown("a\nb"), "'a\\nb'");
  EXPECT_EQ(Shown(std::string(100, 'x')), "'" + std::string(60, 'x') + "…'");
}

}  // namespace
}  // namespace kindred
