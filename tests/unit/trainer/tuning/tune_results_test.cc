#include "trainer/tuning/tune_results.h"

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

TEST(TuneResultsTest, WhatIsWrittenReadsBack) {
  TuneResults results;
  results.family = "als";
  results.space = "als";
  results.metric = "ndcg@10";
  results.rule = 0.98;
  results.size_parameters = {"factors"};
  results.parameters = {"factors", "action_weights"};
  const auto evaluation = EvaluationFromJson(kEvaluation);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  results.runs = {{{"16", "view=1,buy=4"}, "done", "", 1.5, *evaluation},
                  {{"9000", "view=1"}, "skipped", "the data carries only 12, and \"no\" more", 0.25, std::nullopt}};
  results.best = results.chosen = 0;
  results.valid = results.test = *evaluation;
  results.bundle = "folder/bundle.safetensors";
  results.setup_json = R"({"seed":42})";
  const std::string json = TuneResultsJson(results);
  const auto back = ParseTuneResults(json);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(TuneResultsJson(*back), json);
  EXPECT_EQ(back->runs[1].why, results.runs[1].why);
  EXPECT_EQ(back->setup_json, results.setup_json);
  EXPECT_EQ(
      TuneResultsCsv(*back),
      "run,factors,action_weights,status,seconds,recall@10,precision@10,ndcg@10,map@10,hit_rate@10,mrr@10,"
      "recall@20,precision@20,ndcg@20,map@20,hit_rate@20,mrr@20,rmse,mae,accuracy,share_of_best,best,chosen,why\n"
      "1,16,\"view=1,buy=4\",done,1.500,,,0.25,,,,,,0.5,,,,0.9,0.7,0.4,1,true,true,\n"
      "2,9000,view=1,skipped,0.250,,,,,,,,,,,,,,,,,false,false,\"the data carries only 12, and \"\"no\"\" more\"\n");
}

TEST(TuneResultsTest, TheKOfAMetric) {
  EXPECT_EQ(*MetricK("ndcg@10"), 10u);
  EXPECT_EQ(*MetricK("hit_rate@1000"), 1000u);
  EXPECT_EQ(*MetricK("rmse"), 0u);
  for (const char* none : {"", "ndcg", "ndcg@", "ndcg@0", "ndcg@1001", "ndcg@x", "RMSE", "auc@10", "rmse@10"}) {
    EXPECT_THAT(std::string(MetricK(none).status().message()), HasSubstr("expected one of recall@K")) << none;
  }
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
