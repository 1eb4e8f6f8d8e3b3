#include "clients/cli/filter_syntax.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace kindred {
namespace {

using testing::HasSubstr;

// What `text` means, on one line.
std::string Parsed(std::string_view text) {
  const auto filter = ParseFilterSyntax(text);
  if (!filter.ok()) return std::string(filter.status().message());
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string out;
  printer.PrintToString(*filter, &out);
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

TEST(FilterSyntax, Categories) {
  EXPECT_EQ(Parsed("category:department:GROCERY"), R"(categories { any_of: "department:GROCERY" })");
  EXPECT_EQ(Parsed(R"(category:"department:FROZEN FOOD")"), R"(categories { any_of: "department:FROZEN FOOD" })");
  EXPECT_EQ(Parsed(R"(category:A,"B C" , D)"), R"(categories { any_of: "A" any_of: "B C" any_of: "D" })");
  EXPECT_EQ(Parsed(R"(category:"say \"hi\" \\ bye")"), R"(categories { any_of: "say \"hi\" \\ bye" })");
  EXPECT_EQ(Parsed(R"(category:KID'S)"), R"(categories { any_of: "KID\'S" })");
}

TEST(FilterSyntax, Ranges) {
  EXPECT_EQ(Parsed("price 1..5"), R"(range { attribute: "price" min: 1 max: 5 })");
  EXPECT_EQ(Parsed("price ..5"), R"(range { attribute: "price" max: 5 })");
  EXPECT_EQ(Parsed("price 1.."), R"(range { attribute: "price" min: 1 })");
  EXPECT_EQ(Parsed("price -1.5..2e3"), R"(range { attribute: "price" min: -1.5 max: 2000 })");
  EXPECT_EQ(Parsed("price 1...5"), R"(range { attribute: "price" min: 1 max: 0.5 })");
  EXPECT_EQ(Parsed("price>=1"), R"(range { attribute: "price" min: 1 })");
  EXPECT_EQ(Parsed("price <= 1"), R"(range { attribute: "price" max: 1 })");
  EXPECT_EQ(Parsed("price = 3"), R"(range { attribute: "price" min: 3 max: 3 })");
  EXPECT_EQ(Parsed(R"("unit price" 1..5)"), R"(range { attribute: "unit price" min: 1 max: 5 })");
  EXPECT_EQ(Parsed(R"("not" 1..5)"), R"(range { attribute: "not" min: 1 max: 5 })");
}

TEST(FilterSyntax, Flags) {
  EXPECT_EQ(Parsed("flag:organic"), R"(flag { attribute: "organic" value: true })");
  EXPECT_EQ(Parsed("flag:organic=yes"), R"(flag { attribute: "organic" value: true })");
  EXPECT_EQ(Parsed("flag:\"is organic\" = no"), R"(flag { attribute: "is organic" })");
}

TEST(FilterSyntax, NotBindsClosestThenAndThenOr) {
  EXPECT_EQ(Parsed("not flag:a and flag:b or flag:c"),
            R"(any_of { filters { all_of { filters { none_of { filters { flag { attribute: "a" value: true } } } } )"
            R"(filters { flag { attribute: "b" value: true } } } } filters { flag { attribute: "c" value: true } } })");
  EXPECT_EQ(Parsed("NOT (flag:a OR flag:b)"),
            R"(none_of { filters { any_of { filters { flag { attribute: "a" value: true } } )"
            R"(filters { flag { attribute: "b" value: true } } } } })");
  EXPECT_EQ(Parsed("((flag:a))"), R"(flag { attribute: "a" value: true })");
}

TEST(FilterSyntax, ChainsAreOneList) {
  const auto filter = ParseFilterSyntax("price 1..5 and flag:b and category:c and not flag:d");
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->all_of().filters_size(), 4);
  const auto choice = ParseFilterSyntax("price 1..5 or flag:b or category:c");
  ASSERT_TRUE(choice.ok()) << choice.status();
  EXPECT_EQ(choice->any_of().filters_size(), 3);
}

TEST(FilterSyntax, MistakesPointAtThePlace) {
  const struct {
    const char* text;
    const char* message;
    size_t column;
  } cases[] = {
      {"", "expected a condition", 0},
      {"category:a and", "expected a condition", 14},
      {"category:a and and category:b", "expected a condition", 15},
      {"category:FROZEN FOOD", "names with spaces need quotes", 16},
      {"category: a", "expected a name right behind category:", 10},
      {"category:a,", "expected a name", 11},
      {"flag:organic=maybe", "expected yes or no", 13},
      {"price", "such as 1..5", 5},
      {"price five", "such as 1..5", 6},
      {"price ..", "such as 1..5", 6},
      {"price 1..x", "such as 1..5", 6},
      {"price nan..inf", "such as 1..5", 6},
      {"price < 5", "write <= here", 6},
      {"price >= many", "expected a number", 9},
      {"(flag:a", "this ( has no )", 0},
      {"flag:a)", "expected 'and', 'or' or the end", 6},
      {"flag:a and \"b", "this quote has no end", 11},
      {"not", "expected a condition", 3},
      {"\"\" 1..5", "expected a name", 0},
  };
  for (const auto& [text, message, column] : cases) {
    const auto filter = ParseFilterSyntax(text);
    ASSERT_FALSE(filter.ok()) << text;
    EXPECT_EQ(filter.status().code(), absl::StatusCode::kInvalidArgument);
    const std::string said(filter.status().message());
    EXPECT_THAT(said, HasSubstr(message)) << text;
    EXPECT_THAT(said, HasSubstr("\n  " + std::string(text) + "\n  " + std::string(column, ' ') + "^")) << text;
  }
}

TEST(FilterSyntax, TheMarkStandsUnderWideAndUnprintableCharacters) {
  EXPECT_THAT(Parsed("category:\"日本\" oops"), HasSubstr("\n  category:\"日本\" oops\n                  ^"));
  EXPECT_THAT(Parsed("category:\x01 oops"), HasSubstr("\n  category:? oops\n             ^"));
}

TEST(FilterSyntax, DepthIsBounded) {
  EXPECT_THAT(Parsed(std::string(100'000, '(')), HasSubstr("nested too deep"));
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "not ";
  EXPECT_THAT(Parsed(text + "flag:a"), HasSubstr("nested too deep"));
  EXPECT_EQ(Parsed(std::string(50, '(') + "flag:a" + std::string(50, ')')), R"(flag { attribute: "a" value: true })");
}

TEST(FilterSyntax, NoiseIsAnErrorOrAFilterButNothingElse) {
  const std::string parts[] = {"category:", "flag:", "price", "1..5", "and", "or", "not",  "(", ")",
                               "\"",        ",",     "=",     "<",    " ",   "\\", "\xff", "x"};
  std::mt19937 random(20261127);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (uint32_t n = random() % 12; n > 0; --n) text += parts[random() % std::size(parts)];
    const auto filter = ParseFilterSyntax(text);
    if (!filter.ok()) {
      EXPECT_THAT(std::string(filter.status().message()), HasSubstr("^")) << text;
    }
  }
}

TEST(FilterJson, TakesTheMessage) {
  const auto filter = ParseFilterJson(R"({"all_of":{"filters":[{"range":{"attribute":"price","min":1}}]}})");
  ASSERT_TRUE(filter.ok()) << filter.status();
  const auto same = ParseFilterJson(R"({"allOf":{"filters":[{"range":{"attribute":"price","min":1}}]}})");
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*filter, *same));
  EXPECT_EQ(filter->all_of().filters(0).range().attribute(), "price");
}

TEST(FilterJson, SaysWhatIsWrong) {
  for (const char* json : {"", "{", "[]", R"({"oops":1})", R"({"range":{"min":"x"}})"}) {
    const auto filter = ParseFilterJson(json);
    ASSERT_FALSE(filter.ok()) << json;
    EXPECT_THAT(std::string(filter.status().message()), HasSubstr("kindred.v1.Filter"));
  }
}

}  // namespace
}  // namespace kindred
