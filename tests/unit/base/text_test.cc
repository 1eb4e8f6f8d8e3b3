#include "core/base/text.h"

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

TEST(ShownTest, EscapesAndCuts) {
  EXPECT_EQ(Shown("a\nb"), "'a\\nb'");
  EXPECT_EQ(Shown(std::string(100, 'x')), "'" + std::string(60, 'x') + "…'");
}

TEST(WithThousandsTest, GroupsByThree) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1000), "1,000");
  EXPECT_EQ(WithThousands(1234567), "1,234,567");
}

}  // namespace
}  // namespace kindred
