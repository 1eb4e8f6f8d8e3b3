#include "core/bundle/space_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::HasSubstr;

TEST(SpaceSpecTest, RoundTripsEveryField) {
  SpaceSpecs specs;
  for (FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls, FoldIn::kMean, FoldIn::kImplicit, FoldIn::kObserved,
                         FoldIn::kTraits, FoldIn::kSparse, FoldIn::kNeighbors, FoldIn::kBlend}) {
    for (ValueTransform transform : {ValueTransform::kIdentity, ValueTransform::kLog1p, ValueTransform::kBinary}) {
      for (Metric metric : {Metric::kDot, Metric::kCosine}) {
        SpaceSpec spec{"s\"vd é", 64, fold_in, 0.1, transform, metric, -1.0 / 3};
        if (fold_in == FoldIn::kImplicit) spec.fold_in_alpha = 40;
        if (fold_in == FoldIn::kTraits) spec.actions = {{"", 0}, {"buy \"now\"", 3.5}};
        if (fold_in == FoldIn::kMean) spec.half_life_days = 0.5;
        if (fold_in == FoldIn::kBlend) spec.parts = {{"als", 1}, {"traits", 0}};
        specs.emplace("space_" + std::to_string(specs.size()), spec);
      }
    }
  }
  const auto parsed = SpaceSpecsFromJson(SpaceSpecsToJson(specs));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, specs);
  EXPECT_EQ(SpaceSpecsToJson(*parsed), SpaceSpecsToJson(specs));
}

TEST(SpaceSpecTest, AbsentKeysTakeTheDefaults) {
  const auto specs = SpaceSpecsFromJson(R"({"a":{"dim":3}})");
  ASSERT_TRUE(specs.ok()) << specs.status();
  SpaceSpec expected;
  expected.dim = 3;
  EXPECT_EQ(specs->at("a"), expected);
  EXPECT_TRUE(SpaceSpecsFromJson("{}")->empty());
}

TEST(SpaceSpecTest, AcceptsWholeNumbersForRealOnes) {
  const auto specs = SpaceSpecsFromJson(R"({"a":{"dim":3,"fold_in_lambda":2,"prior_weight":-1}})");
  ASSERT_TRUE(specs.ok()) << specs.status();
  EXPECT_EQ(specs->at("a").fold_in_lambda, 2.0);
  EXPECT_EQ(specs->at("a").prior_weight, -1.0);
}

struct BadSpec {
  const char* json;
  const char* says;
};

TEST(SpaceSpecTest, RejectsWhatItDoesNotKnow) {
  const std::string long_name(65, 'a');
  const std::string long_name_json = "{\"" + long_name + "\":{\"dim\":1}}";
  const std::string long_family_json = R"({"a":{"dim":1,"family":")" + long_name + "\"}}";
  const std::string long_action_json = R"({"a":{"dim":1,"actions":{")" + long_name + "\":1}}}";
  const BadSpec bad[] = {
      {"", "byte 0"},
      {"null", "found null, expected an object of spaces"},
      {"[]", "found an array"},
      {"{\"a\":1}", "found the number 1, expected the object of space \"a\""},
      {"{\"a\":[]}", "found an array"},
      {"{\"a\":{}}", "found no \"dim\""},
      {"{\"\":{\"dim\":1}}", "found the space name \"\""},
      {"{\"A\":{\"dim\":1}}", "found the space name \"A\""},
      {"{\"a.b\":{\"dim\":1}}", "found the space name \"a.b\""},
      {long_name_json.c_str(), "found the space name"},
      {R"({"a":{"dim":1},"a":{"dim":1}})", "found space \"a\" a second time"},
      {R"({"a":{"dim":1,"dim":1}})", "found the key \"dim\" a second time"},
      {R"({"a":{"dim":0}})", "found 0, expected an integer from 1 for dim"},
      {R"({"a":{"dim":-1}})", "found the number -1"},
      {R"({"a":{"dim":1.0}})", "found the number 1.0"},
      {R"({"a":{"dim":"1"}})", "found the string \"1\""},
      {R"({"a":{"dim":4294967296}})", "found 4294967296"},
      {R"({"a":{"dim":{}}})", "found an object"},
      {R"({"a":{"dim":1,"size":2}})", "found the key \"size\""},
      {R"({"a":{"dim":1,"family":3}})", "expected a string of at most 64 bytes for family"},
      {long_family_json.c_str(), "found 65 bytes"},
      {R"({"a":{"dim":1,"fold_in":"lasso"}})", "unknown fold_in \"lasso\", expected one of ridge, nnls, mean"},
      {R"({"a":{"dim":1,"fold_in":1}})", "for fold_in"},
      {R"({"a":{"dim":1,"transform":"sqrt"}})", "unknown transform \"sqrt\", expected one of identity, log1p, binary"},
      {R"({"a":{"dim":1,"transform":null}})", "found null"},
      {R"({"a":{"dim":1,"metric":"l2"}})", "unknown metric \"l2\", expected one of dot, cosine"},
      {R"({"a":{"dim":1,"metric":true}})", "found true"},
      {R"({"a":{"dim":1,"fold_in_lambda":-0.5}})", "expected a finite number ≥ 0 for fold_in_lambda"},
      {R"({"a":{"dim":1,"fold_in_lambda":1e999}})", "byte"},
      {R"({"a":{"dim":1,"fold_in_lambda":"1"}})", "found the string"},
      {R"({"a":{"dim":1,"prior_weight":[]}})", "found an array"},
      {R"({"a":{"dim":1,"prior_weight":NaN}})", "not JSON"},
      {R"({"a":{"dim":1,"fold_in_alpha":-1}})", "expected a finite number ≥ 0 for fold_in_alpha"},
      {R"({"a":{"dim":1,"half_life_days":-1}})", "expected a finite number ≥ 0 for half_life_days"},
      {R"({"a":{"dim":1,"half_life_days":{}}})", "found an object"},
      {R"({"a":{"dim":1,"actions":1}})", "expected an object of actions and numbers for actions"},
      {R"({"a":{"dim":1,"actions":{"view":-1}}})", "found the number -1, expected distinct actions"},
      {R"({"a":{"dim":1,"actions":{"view":"1"}}})", "found the string \"1\""},
      {R"({"a":{"dim":1,"actions":{"view":{}}}})", "found an object"},
      {R"({"a":{"dim":1,"actions":{"view":1,"view":2}}})", "found the action \"view\" a second time"},
      {long_action_json.c_str(), "found an action of 65 bytes"},
      {R"({"a":{"dim":1,"parts":{}}})", "found an object"},
      {R"({"a":{"dim":1,"parts":[1]}})", "expected objects of a space name"},
      {R"({"a":{"dim":1,"parts":[[]]}})", "found an array"},
      {R"({"a":{"dim":1,"parts":[{}]}})", "found no \"space\""},
      {R"({"a":{"dim":1,"parts":[{"space":"b","space":"b"}]}})", "found the key \"space\" a second time"},
      {R"({"a":{"dim":1,"parts":[{"space":"B"}]}})", "found the space name \"B\""},
      {R"({"a":{"dim":1,"parts":[{"space":"b","weight":-1}]}})", "found the number -1"},
      {R"({"a":{"dim":1,"parts":[{"space":"b","weight":"1"}]}})", "found the string"},
      {R"({"a":{"dim":1,"parts":[{"space":"b","dim":1}]}})", "found the key \"dim\""},
      {R"({"a":{"dim":1,"parts":[{"weight":{}}]}})", "found an object"},
  };
  for (const BadSpec& spec : bad) {
    const auto parsed = SpaceSpecsFromJson(spec.json);
    ASSERT_FALSE(parsed.ok()) << spec.json;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(spec.says)) << spec.json;
  }
}

TEST(SpaceSpecTest, NamesRoundTrip) {
  EXPECT_EQ(*FoldInFromName(FoldInName(FoldIn::kMean)), FoldIn::kMean);
  EXPECT_EQ(*ValueTransformFromName(ValueTransformName(ValueTransform::kLog1p)), ValueTransform::kLog1p);
  EXPECT_EQ(*MetricFromName(MetricName(Metric::kCosine)), Metric::kCosine);
  EXPECT_FALSE(FoldInFromName("").ok());
}

}  // namespace
}  // namespace kindred
