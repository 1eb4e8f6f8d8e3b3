#include "server/redis/reply_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/str_cat.h"

namespace kindred::redis {
namespace {

using ::testing::HasSubstr;

// As one text, so that whole replies compare.
std::string Say(const Reply& reply) {
  if (!reply.ok()) return StrCat("error(", static_cast<int>(reply.failure), " ", reply.text, ")");
  switch (reply.type) {
    case Reply::Type::kNil:
      return "nil";
    case Reply::Type::kString:
      return StrCat("'", reply.text, "'");
    case Reply::Type::kStatus:
      return StrCat("+", reply.text);
    case Reply::Type::kInteger:
      return StrCat(reply.integer);
    case Reply::Type::kArray:
      break;
  }
  std::string text = "[";
  for (const Reply& element : reply.elements) StrAppend(&text, Say(element), ";");
  return StrCat(text, "]");
}

struct Result {
  std::vector<std::string> replies;
  std::string error;
};

Result ReadAll(std::string_view bytes, size_t step) {
  ReplyReader reader;
  Result result;
  for (size_t at = 0; at < bytes.size(); at += step) {
    reader.Feed(bytes.substr(at, step));
    while (const auto reply = reader.Next()) result.replies.push_back(Say(*reply));
  }
  result.error = reader.error();
  return result;
}

TEST(ReplyReader, ReadsEveryTypeWhereverTheBytesAreCut) {
  const std::string bytes =
      "+OK\r\n-MOVED 3999 127.0.0.1:6381\r\n:-9223372036854775808\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
      "*3\r\n*2\r\n:1\r\n$-1\r\n-ERR in an array\r\n+\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n+a\rb\nc\r\n";
  const std::vector<std::string> expected = {
      "+OK", "error(11 MOVED 3999 127.0.0.1:6381)",     "-9223372036854775808",   "'a\r\nbc'", "''", "nil", "nil",
      "[]",  "[[1;nil;];error(18 ERR in an array);+;]", "[[[[[[[7;];];];];];];]", "+a\rb\nc"};
  for (const size_t step : {bytes.size(), size_t{1}, size_t{2}, size_t{3}, size_t{7}}) {
    const Result result = ReadAll(bytes, step);
    EXPECT_EQ(result.replies, expected) << "in steps of " << step;
    EXPECT_EQ(result.error, "") << "in steps of " << step;
  }
}

struct Hostile {
  std::string bytes;
  std::string error;
};

TEST(ReplyReader, RefusesAtTheFirstByteThatShowsIt) {
  const std::string deep = [] {
    std::string text;
    for (int i = 0; i < 8; ++i) text += "*1\r\n";
    return text;
  }();
  const std::vector<Hostile> cases = {
      {"*1000000000\r\n", "an array of too many elements: 1000000000"},
      {"*1025\r\n", "an array of too many elements: 1025"},
      {"$9223372036854775807\r\n", "a string that is too long: 9223372036854775807"},
      {"$1048577\r\n", "a string that is too long: 1048577"},
      {"$99999999999999999999\r\n", "no 64-bit number"},
      {"$100000000000000000000", "byte 48 where a number was expected"},
      {"$-2\r\n", "a negative length"},
      {"*-9\r\n", "a negative length"},
      {deep, "nested too deep"},
      {"%1\r\n", "type byte 37"},
      {"~0\r\n", "type byte 126"},
      {"_\r\n", "type byte 95"},
      {"#t\r\n", "type byte 35"},
      {",1.5\r\n", "type byte 44"},
      {">2\r\n", "type byte 62"},
      {std::string("\0", 1), "type byte 0"},
      {"HTTP/1.1 400 Bad Request\r\n", "type byte 72"},
      {":1a\r\n", "byte 97 where a number was expected"},
      {":\r\n", "'' is no 64-bit number"},
      {":1\rx", "does not end in CR LF"},
      {"$3\r\nabcd\r\n", "not followed by CR LF"},
      {"$3\r\nabc\rx", "not followed by CR LF"},
      {"*2\r\n$1\r\na\r\n!", "type byte 33"},
      {"+" + std::string(70'000, 'a'), "a line that is too long"},
  };
  for (const Hostile& hostile : cases) {
    for (const size_t step : {hostile.bytes.size(), size_t{1}}) {
      // What came before still counts.
      const Result result = ReadAll("+before\r\n" + hostile.bytes, step);
      EXPECT_EQ(result.replies, std::vector<std::string>{"+before"}) << hostile.bytes.substr(0, 40);
      EXPECT_THAT(result.error, HasSubstr(hostile.error)) << hostile.bytes.substr(0, 40);
    }
  }
}

TEST(ReplyReader, NumbersThatOnlyHiredisRefusesBreakItToo) {
  for (const std::string_view bytes : {":007\r\n", "$-0\r\n\r\n", ":-0\r\n"}) {
    const Result result = ReadAll(bytes, bytes.size());
    EXPECT_NE(result.error, "") << bytes;
    EXPECT_TRUE(result.replies.empty()) << bytes;
  }
}

TEST(ReplyReader, LimitsHoldForTheWholeReply) {
  // 5 strings of 1 MiB each are in order one by one, and too much as one reply.
  const std::string mebibyte = StrCat("$1048576\r\n", std::string(1 << 20, 'x'), "\r\n");
  std::string five = "*5\r\n", alone;
  for (int i = 0; i < 5; ++i) {
    five += mebibyte;
    alone += mebibyte;
  }
  EXPECT_THAT(ReadAll(five, 4096).error, HasSubstr("a reply of too many bytes"));
  const Result result = ReadAll(alone, 4096);
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.replies.size(), 5u);

  // 1,024 arrays of 100 elements.
  std::string many = "*1024\r\n";
  for (int i = 0; i < 1024; ++i) {
    many += "*100\r\n";
    for (int j = 0; j < 100; ++j) many += ":1\r\n";
  }
  EXPECT_THAT(ReadAll(many, 4096).error, HasSubstr("a reply of too many elements"));
}

TEST(ReplyReader, KnowsWhetherAReplyHasBegun) {
  ReplyReader reader;
  EXPECT_FALSE(reader.within_reply());
  reader.Feed("*2\r\n:1\r\n");
  EXPECT_TRUE(reader.within_reply());
  reader.Feed(":2\r\n");
  EXPECT_FALSE(reader.within_reply());
  EXPECT_TRUE(reader.Next().has_value());
}

TEST(ReplyReader, AnUnreadReplyIsFreed) {
  ReplyReader reader;  // leaks are the sanitizer's to find
  reader.Feed("*2\r\n$3\r\nabc\r\n+half");
  EXPECT_FALSE(reader.Next().has_value());
}

}  // namespace
}  // namespace kindred::redis
