#include "core/base/go_on.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(GoOnTest, SaysYesWhereNobodyIsAsked) {
  EXPECT_TRUE(GoOn()());
  const std::function<bool()> empty;
  EXPECT_TRUE(GoOn(empty)());
}

TEST(GoOnTest, WhoeverSaidNoIsNotAskedAgain) {
  int asked = 0;
  const std::function<bool()> question = [&asked] { return ++asked != 3; };
  const GoOn go_on(question);
  EXPECT_TRUE(go_on());
  EXPECT_TRUE(go_on());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(go_on());
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace kindred
