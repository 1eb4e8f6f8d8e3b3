#include "trainer/reporting/tune_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kEvaluation[] =
    R"({"model":"m","rankings":[{"name":"model","at":[{"k":10,"ndcg":0.25,"recall":null},{"k":20,"ndcg":0.5}]}],
        "values":[{"name":"model","rmse":0.9,"mae":0.7,"accuracy":0.4}]})";

TEST(TuneResultsTest, ReadsWhatTuneWrites) {
  const std::string text = std::string(R"({"kindred_tune":1,"family":"als","space":"als","metric":"ndcg@10","rule":0.98,
    "parameters":["factors"],"best":0,"chosen":0,"test":null,"runs":[
      {"parameters":{"factors":"16"},"status":"done","why":"","seconds":1.5,"valid":)") +
                           kEvaluation +
                           R"(},{"parameters":{"factors":"9000"},"status":"skipped","why":"too many"}],"valid":)" +
                           kEvaluation + "}";
  const auto tune = ParseTuneResults(text);
  ASSERT_TRUE(tune.ok()) << tune.status();
  EXPECT_EQ(tune->family, "als");
  EXPECT_DOUBLE_EQ(tune->rule, 0.98);
  ASSERT_THAT(tune->runs, SizeIs(2));
  EXPECT_THAT(tune->runs[0].values, ElementsAre("16"));
  EXPECT_DOUBLE_EQ(MetricOf(*tune->runs[0].valid, tune->metric), 0.25);
  EXPECT_EQ(tune->runs[1].why, "too many");
  EXPECT_FALSE(tune->runs[1].valid.has_value());
  EXPECT_EQ(tune->chosen, 0u);
  EXPECT_TRUE(tune->valid.has_value());
  EXPECT_FALSE(tune->test.has_value());
}

TEST(TuneResultsTest, FiguresByName) {
  const auto evaluation = EvaluationFromJson(kEvaluation);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_DOUBLE_EQ(MetricOf(*evaluation, "ndcg@20"), 0.5);
  EXPECT_DOUBLE_EQ(MetricOf(*evaluation, "rmse"), 0.9);
  for (const char* none : {"recall@10", "ndcg@30", "ndcg@", "ndcg@x", "other@10", "other", ""}) {
    EXPECT_TRUE(std::isnan(MetricOf(*evaluation, none))) << none;
  }
  EXPECT_EQ(MetricLabel("ndcg@10"), "NDCG@10");
  EXPECT_EQ(MetricLabel("hit_rate"), "Hit rate");
  EXPECT_EQ(MetricLabel("<x>"), "<x>");
  EXPECT_TRUE(LowerIsBetter("rmse"));
  EXPECT_FALSE(LowerIsBetter("ndcg@10"));
}

TEST(TuneResultsTest, SaysWhatIsWrong) {
  const auto error = [](const std::string& text) { return std::string(ParseTuneResults(text).status().message()); };
  EXPECT_THAT(error("{"), HasSubstr("not JSON"));
  EXPECT_THAT(error("[]"), HasSubstr("kindred_tune"));
  EXPECT_THAT(error(R"({"kindred_tune":1})"), HasSubstr("parameters"));
  EXPECT_THAT(error(R"({"kindred_tune":1,"parameters":[]})"), HasSubstr("runs"));
  EXPECT_THAT(error(R"({"kindred_tune":1,"parameters":[1],"runs":[]})"), HasSubstr("no text"));
  EXPECT_THAT(error(R"({"kindred_tune":1,"parameters":[],"runs":[],"best":0})"), HasSubstr("none of 0 runs"));
  EXPECT_THAT(error(R"({"kindred_tune":1,"parameters":[],"runs":[],"best":-1})"), HasSubstr("\"best\" is -1"));
  EXPECT_THAT(error(R"({"kindred_tune":1,"parameters":[],"runs":[],"valid":{}})"),
              HasSubstr("\"valid\": no \"rankings\""));
  EXPECT_THAT(error(R"({"kindred_tune":1,"parameters":["a"],"runs":[3]})"), ::testing::Eq("")) << "a run of nothing";
}

}  // namespace
}  // namespace kindred
