#include "trainer/base/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Color : uint8_t { kRed, kBlue };

struct Fields {
  uint32_t factors = 50;
  uint64_t seed = 42;
  double alpha = 0.5;
  bool damp = false;
  std::string column = "x";
  std::vector<std::string> names;
  Color color = Color::kBlue;
};

class ParametersTest : public ::testing::Test {
 protected:
  ParametersTest() {
    list_.Add("factors", &fields_.factors, "Number of factors", 1, 4096);
    list_.Add("seed", &fields_.seed, "Seed");
    list_.Add("learning_rate", &fields_.alpha, "Step", 0, 1);
    list_.Add("damp", &fields_.damp, "Damp");
    list_.Add("column", &fields_.column, "Column", "NAME");
    list_.Add("names", &fields_.names, "Names");
    list_.Add<Color>("color", &fields_.color, "Which", {{"red", Color::kRed}, {"blue", Color::kBlue}});
  }
  void ExpectRefused(std::string_view name, std::string_view value, const std::string& expected) {
    const std::string before = list_.ToJson();
    const absl::Status status = list_.Set(name, value);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(expected));
    EXPECT_EQ(list_.ToJson(), before) << "nothing was stored";
  }

  Fields fields_;
  ParameterList list_;
};

TEST_F(ParametersTest, StoresEachKind) {
  EXPECT_TRUE(list_.Set("factors", "4096").ok());
  EXPECT_TRUE(list_.Set("seed", "9007199254740993").ok());
  EXPECT_TRUE(list_.Set("learning-rate", "2.5e-2").ok()) << "a flag's spelling";
  EXPECT_TRUE(list_.Set("damp", "true").ok());
  EXPECT_TRUE(list_.Set("column", "a b").ok());
  EXPECT_TRUE(list_.Set("names", "a,b").ok());
  EXPECT_TRUE(list_.Set("color", "red").ok());
  EXPECT_EQ(fields_.factors, 4096u);
  EXPECT_EQ(fields_.seed, 9007199254740993u);
  EXPECT_EQ(fields_.alpha, 0.025);
  EXPECT_TRUE(fields_.damp);
  EXPECT_EQ(fields_.column, "a b");
  EXPECT_THAT(fields_.names, ElementsAre("a", "b"));
  EXPECT_EQ(fields_.color, Color::kRed);
  EXPECT_EQ(list_.ToJson(),
            R"({"factors":4096,"seed":9007199254740993,"learning_rate":0.025,"damp":true,"column":"a b",)"
            R"("names":["a","b"],"color":"red"})");
}

TEST_F(ParametersTest, RefusesWhatDoesNotFitAndSaysWhatDoes) {
  ExpectRefused("factors", "0", "factors: found '0', expected a whole number from 1 to 4096");
  ExpectRefused("factors", "4097", "4096");
  ExpectRefused("factors", "12.5", "whole number");
  ExpectRefused("factors", "", "whole number");
  ExpectRefused("seed", "-1", "at least 0");
  ExpectRefused("learning_rate", "nan", "a number from 0");
  ExpectRefused("learning_rate", "1.01", "to 1");
  ExpectRefused("damp", "yes", "true or false");
  ExpectRefused("color", "green", "one of red, blue");
}

TEST_F(ParametersTest, UnknownNameListsTheKnown) {
  EXPECT_THAT(std::string(list_.Set("factor", "3").message()),
              AllOf(HasSubstr("'factor'"), HasSubstr("factors, seed, learning_rate")));
}

TEST_F(ParametersTest, ListsMayHoldCommasWhenGivenElementByElement) {
  EXPECT_TRUE(list_.Find("names")->set_list({"a,b", "c"}).ok());
  EXPECT_THAT(fields_.names, ElementsAre("a,b", "c"));
}

TEST_F(ParametersTest, ValuesAsTextAreReadBack) {
  Fields other;
  ParameterList copy;
  copy.Add<Color>("color", &other.color, "Which", {{"red", Color::kRed}, {"blue", Color::kBlue}});
  copy.Add("learning_rate", &other.alpha, "Step");
  fields_.alpha = 0.1;
  for (const Parameter& parameter : copy.all()) {
    EXPECT_TRUE(parameter.set(list_.Find(parameter.name)->get()).ok()) << parameter.name;
  }
  EXPECT_EQ(other.color, Color::kBlue);
  EXPECT_EQ(other.alpha, 0.1);
}

}  // namespace
}  // namespace kindred
