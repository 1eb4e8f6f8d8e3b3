#include "core/bundle/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/utf8.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

TEST(StrictJsonTest, ReadsFlatObjects) {
  const auto strings = ParseStringObject(R"({"a":"1","b":"é\n"})");
  ASSERT_TRUE(strings.ok()) << strings.status();
  EXPECT_EQ(strings->at("b"), "é\n");
  const auto counts = ParseCountObject(R"( {"users": 3, "items": 18446744073709551615 } )");
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->at("items"), ~uint64_t{0});
  EXPECT_TRUE(ParseStringObject("{}")->empty());
}

TEST(StrictJsonTest, RejectsEverythingElse) {
  for (const char* text : {"", " ", "1", "\"a\"", "[]", "{", "{\"a\"}", "{\"a\":1}", "{\"a\":null}", "{\"a\":{}}",
                           "{\"a\":[]}", "{\"a\":\"1\",\"a\":\"1\"}", "{}{}", "{} x", "{\"a\":\"1\",}", "{\"a\":true}",
                           "{\"a\":1.5}", "{\"a\":-1}", "{\"a\":1e999}"}) {
    const auto strings = ParseStringObject(text);
    EXPECT_FALSE(strings.ok()) << text;
    EXPECT_THAT(std::string(strings.status().message()), HasSubstr("byte ")) << text;
  }
  for (const char* text :
       {"{\"a\":\"1\"}", "{\"a\":-1}", "{\"a\":1.0}", "{\"a\":18446744073709551616}", "{\"a\":{}}"}) {
    EXPECT_FALSE(ParseCountObject(text).ok()) << text;
  }
  EXPECT_FALSE(ParseStringObject(std::string("{}\0{}", 5)).ok());
}

TEST(StrictJsonTest, NamesTheByte) {
  const auto counts = ParseCountObject(R"({"a":1,"b":true})");
  ASSERT_FALSE(counts.ok());
  EXPECT_EQ(std::string(counts.status().message()), "byte 14: found true, expected an unsigned integer for key \"b\"");
}

TEST(StrictJsonTest, SurvivesDepth) {
  EXPECT_FALSE(ParseStringObject(std::string(1'000'000, '[')).ok());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(ParseStringObject(objects).ok());
}

TEST(StrictJsonTest, QuotesForMessages) {
  EXPECT_EQ(Quoted("a\"b\n\x01"), "\"a\\\"b\\n\\x01\"");
  EXPECT_EQ(Quoted("é"), "\"é\"");
  EXPECT_EQ(Quoted("\xC3"), "\"\\xc3\"") << "not UTF-8, so every byte above 127 is escaped";
  std::string letters;
  for (int i = 0; i < 200; ++i) letters += "é";
  for (size_t offset : {0, 1}) EXPECT_TRUE(IsValidUtf8(Quoted(std::string(offset, 'x') + letters)));
  EXPECT_LT(Quoted(std::string(10'000, 'x')).size(), 300u);
  EXPECT_EQ(JsonString("a\"é\n"), "\"a\\\"é\\n\"");
}

}  // namespace
}  // namespace kindred
