#include "core/packing/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MappingTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<std::string>> Read(const std::string& name, const std::string& text, uint64_t rows = 3) {
    WriteFile(dir_.File(name), text);
    return ReadMapping(dir_.File(name), rows);
  }
  absl::StatusOr<std::vector<std::string>> Csv(const std::string& text) { return Read("m.csv", text); }
  absl::StatusOr<std::vector<std::string>> Json(const std::string& text) { return Read("m.json", text); }

  TempDir dir_;
};

TEST_F(MappingTest, CsvInBothDirections) {
  EXPECT_THAT(*Csv("customer_id,index\nc,2\na,0\nb,1\n"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*Csv("index,customer_id\n2,c\n0,a\n1,b\n"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*Csv("customer,matrix\nc,2\na,0\nb,1\n"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*Csv("matrix,customer\n2,c\n0,a\n1,b\n"), ElementsAre("a", "b", "c"));
}

TEST_F(MappingTest, CsvWithNumericIdsAndWithoutHeader) {
  EXPECT_THAT(*Csv("id,row\n700,2\n500,0\n600,1\n"), ElementsAre("500", "600", "700"));
  EXPECT_THAT(*Csv("700,2\n500,0\n600,1\n"), ElementsAre("500", "600", "700"));
  EXPECT_THAT(*Csv("item_idx,id\n0,1\n1,2\n2,0\n"), ElementsAre("1", "2", "0")) << "the header decides";
  EXPECT_THAT(*Csv("x,y\n0,0\n1,1\n2,2\n"), ElementsAre("0", "1", "2")) << "both directions say the same";
}

TEST_F(MappingTest, JsonInAllForms) {
  EXPECT_THAT(*Json(R"({"c": 2, "a": 0, "b": 1})"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*Json(R"({"2": "c", "0": "a", "1": "b"})"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*Json(R"({"2": 700, "0": 500, "1": 600})"), ElementsAre("500", "600", "700"));
  EXPECT_THAT(*Json(R"({"700": 2, "500": 0, "600": 1})"), ElementsAre("500", "600", "700"));
  EXPECT_THAT(*Json(R"({"0": "1", "1": "2", "2": "0"})"), ElementsAre("1", "2", "0")) << "strings are ids";
  EXPECT_THAT(*Json(R"(["a", "b", "c"])"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*Json("[500, 600, 700]"), ElementsAre("500", "600", "700"));
}

TEST_F(MappingTest, SaysWhenTheDirectionCannotBeTold) {
  EXPECT_THAT(Csv("x,y\n0,1\n1,2\n2,0\n").status().message(), HasSubstr("cannot be told"));
  EXPECT_THAT(Json(R"({"0": 1, "1": 2, "2": 0})").status().message(), HasSubstr("cannot be told"));
}

TEST_F(MappingTest, SaysWhatIsWrongAndWhere) {
  const auto csv = [&](const std::string& text) { return std::string(Csv(text).status().message()); };
  EXPECT_THAT(csv("id,row\na,0\nb,1\n"), HasSubstr("has 2 entries, expected 3"));
  EXPECT_THAT(csv("id,row\na,0\nb,1\n"), HasSubstr("row 2 has no id"));
  EXPECT_THAT(csv("id,row\na,0\nb,1\nc,3\n"), HasSubstr("line 4: found row '3'"));
  EXPECT_THAT(csv("id,row\na,0\nb,1\nc,1\n"), HasSubstr("line 4: row 1 is given a second time"));
  EXPECT_THAT(csv("id,row\na,0\nb,1\na,2\n"), HasSubstr("line 4: the id 'a' is given a second time"));
  EXPECT_THAT(csv("id,row\na,0\nb,1\n,2\n"), HasSubstr("row 2 has an empty id"));
  EXPECT_THAT(csv("id,row\na,0\nb,1\n\xff,2\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(csv("0,a\n1,b\n3,c\n"), HasSubstr("found row '3'")) << "the column of numbers is meant";
  EXPECT_THAT(csv("id,row,more\na,0,1\n"), HasSubstr("has 3 columns, expected two"));
}

TEST_F(MappingTest, SaysWhatIsWrongWithJson) {
  const auto json = [&](const std::string& text) { return std::string(Json(text).status().message()); };
  EXPECT_THAT(json("{\"a\": 0"), HasSubstr("not valid JSON"));
  EXPECT_THAT(json("7"), HasSubstr("expected {"));
  EXPECT_THAT(json(R"({"a": 0, "b": 1, "a": 2})"), HasSubstr("key 'a' stands twice"));
  EXPECT_THAT(json(R"({"a": 0, "b": 1, "c": [2]})"), HasSubstr("key 'c': found a JSON array"));
  EXPECT_THAT(json(R"({"a": 0, "b": 1.5, "c": 2})"), HasSubstr("key 'b'"));
  EXPECT_THAT(json(R"(["a", "b", null])"), HasSubstr("entry 2"));
  EXPECT_THAT(json(R"(["a", "b"])"), HasSubstr("has 2 entries, expected 3"));
}

TEST_F(MappingTest, WhatIsNestedDeeplyIsNamedAndNotWrittenOut) {
  const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
  const auto json = [&](const std::string& text) { return std::string(Json(text).status().message()); };
  EXPECT_THAT(json("[\"a\", " + deep + "]"), HasSubstr("entry 1 is a JSON array, expected an id"));
  EXPECT_THAT(json("{\"a\": " + deep + "}"), HasSubstr("key 'a': found a JSON array"));
  EXPECT_THAT(json(deep), HasSubstr("entry 0 is a JSON array"));
}

TEST_F(MappingTest, MoreEntriesThanRowsAreRefusedBeforeTheyAreKept) {
  EXPECT_THAT(Csv("id,row\na,0\nb,1\nc,2\nd,3\n\xff\xff").status().message(),
              HasSubstr("line 5: is an entry more than the 3 rows of the matrix"));
  EXPECT_THAT(Csv("0,a\n1,b\n2,c\n3,d\n").status().message(), HasSubstr("line 4: is an entry more"));
  EXPECT_THAT(Json(R"(["a", "b", "c", "d", "e"])").status().message(), HasSubstr("entry 3: is an entry more"));
  EXPECT_THAT(Json(R"({"a": 0, "b": 1, "c": 2, "d": 3, "e": 4})").status().message(), HasSubstr("is an entry more"));
}

TEST_F(MappingTest, IsGivenUp) {
  const std::function<bool()> no = [] { return false; };
  for (const auto& [name, text] : {std::pair("m.csv", "id,row\na,0\n"), std::pair("m.json", R"({"a": 0})"),
                                   std::pair("l.json", R"(["a"])"), std::pair("m.pkl", "(dp0\nVanna\np1\nI0\ns.")}) {
    WriteFile(dir_.File(name), text);
    EXPECT_TRUE(ReadMapping(dir_.File(name), 1).ok()) << name;
    EXPECT_EQ(ReadMapping(dir_.File(name), 1, GoOn(no)).status().code(), absl::StatusCode::kCancelled) << name;
  }
}

TEST_F(MappingTest, NoFile) {
  EXPECT_EQ(ReadMapping(dir_.File("absent.json"), 3).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadMapping(dir_.File("absent.csv"), 3).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kindred
