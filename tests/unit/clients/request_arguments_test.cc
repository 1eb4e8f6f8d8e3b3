#include "clients/cli/request_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(BoostArgument, Items) {
  auto boost = ParseBoostArgument("1082185=0.5");
  ASSERT_TRUE(boost.ok()) << boost.status();
  EXPECT_THAT(boost->item_ids().ids(), ElementsAre("1082185"));
  EXPECT_EQ(boost->amount(), 0.5f);
  boost = ParseBoostArgument(R"(a,"b,c","say \"d\"",e=f=-1e-3)");
  ASSERT_TRUE(boost.ok()) << boost.status();
  EXPECT_THAT(boost->item_ids().ids(), ElementsAre("a", "b,c", "say \"d\"", "e=f"));
  EXPECT_EQ(boost->amount(), -1e-3f);
}

TEST(BoostArgument, ACategory) {
  auto boost = ParseBoostArgument("category:department:FROZEN FOOD, ICE=2");
  ASSERT_TRUE(boost.ok()) << boost.status();
  EXPECT_EQ(boost->category(), "department:FROZEN FOOD, ICE");
  EXPECT_EQ(boost->amount(), 2);
  boost = ParseBoostArgument(R"("category:x"=2)");
  ASSERT_TRUE(boost.ok()) << boost.status();
  EXPECT_THAT(boost->item_ids().ids(), ElementsAre("category:x"));
}

TEST(BoostArgument, MistakesSayWhatWasExpected) {
  for (const char* text : {"", "a", "a=", "a=x", "=1", "a,,b=1", "a,=1", "category:=1", "\"a=1", "\"a\"b=1"}) {
    const auto boost = ParseBoostArgument(text);
    ASSERT_FALSE(boost.ok()) << text;
    EXPECT_THAT(std::string(boost.status().message()), HasSubstr("expected ITEM=AMOUNT")) << text;
  }
}

TEST(BlendArgument, SpacesAndWeights) {
  const auto blend = ParseBlendArgument("als=1,content=0.25,odd=name=2");
  ASSERT_TRUE(blend.ok()) << blend.status();
  ASSERT_EQ(blend->size(), 3);
  EXPECT_EQ((*blend)[0].space(), "als");
  EXPECT_EQ((*blend)[1].weight(), 0.25);
  EXPECT_EQ((*blend)[2].space(), "odd=name");
  for (const char* text : {"", "als", "als=", "als=x", "=1", "als=1,", ",als=1", "als=1,content"}) {
    EXPECT_FALSE(ParseBlendArgument(text).ok()) << text;
  }
}

TEST(TokenArgument, ReadsWhatIsPrinted) {
  std::string token;
  for (int byte = 0; byte < 256; ++byte) token.push_back(static_cast<char>(byte));
  for (size_t size = 1; size <= token.size(); ++size) {
    const auto read = ParseTokenArgument(TokenText(token.substr(0, size)));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, token.substr(0, size));
  }
  EXPECT_EQ(*ParseTokenArgument("-_-_"), "\xfb\xff\xbf");
  EXPECT_FALSE(ParseTokenArgument("").ok());
  EXPECT_FALSE(ParseTokenArgument("no token!").ok());
}

}  // namespace
}  // namespace kindred
