#include "trainer/tuning/choice.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kindred {
namespace {

TriedRun Done(std::vector<std::string> values, double ndcg, double rmse = 1) {
  Evaluation evaluation;
  FiguresAtK at;
  at.k = 10;
  at.mean[static_cast<size_t>(RankingMetric::kNdcg)] = ndcg;
  evaluation.rankings = {{"model", {at}, {}, 0}};
  evaluation.values = {{"model", rmse, rmse, 0}};
  return {std::move(values), "done", "", 1, std::move(evaluation)};
}

TuneResults Results(std::vector<TriedRun> runs, double rule = 0.98) {
  TuneResults out;
  out.metric = "ndcg@10";
  out.rule = rule;
  out.parameters = {"factors", "alpha"};
  out.size_parameters = {"factors"};
  out.runs = std::move(runs);
  return out;
}

TEST(ChoiceTest, TheSmallestWithinTheRule) {
  TuneResults results = Results(
      {Done({"10", "1"}, 0.0970), Done({"20", "1"}, 0.0981), Done({"50", "1"}, 0.1000), Done({"100", "1"}, 0.0999)});
  Choose(&results);
  EXPECT_EQ(results.best, 2u);
  EXPECT_EQ(results.chosen, 1u);
  results.rule = 1;
  Choose(&results);
  EXPECT_EQ(results.chosen, 2u);
  results.rule = 0.9;
  Choose(&results);
  EXPECT_EQ(results.chosen, 0u);
}

TEST(ChoiceTest, OfOneSizeTheBetterAndOfEqualsTheEarlier) {
  TuneResults results = Results(
      {Done({"20", "1"}, 0.0990), Done({"20", "2"}, 0.0995), Done({"20", "3"}, 0.0995), Done({"50", "1"}, 0.1000)});
  Choose(&results);
  EXPECT_EQ(results.chosen, 1u);
}

TEST(ChoiceTest, WithoutASizeTheBest) {
  TuneResults results = Results({Done({"20", "1"}, 0.0999), Done({"10", "2"}, 0.1)});
  results.size_parameters.clear();
  Choose(&results);
  EXPECT_EQ(results.chosen, 1u);
}

TEST(ChoiceTest, SizeZeroIsWithoutLimit) {
  TuneResults results = Results({Done({"0", "1"}, 0.1), Done({"200", "1"}, 0.099)});
  Choose(&results);
  EXPECT_EQ(results.chosen, 1u);
}

TEST(ChoiceTest, OfErrorsTheSmallestThatIsNotMuchLarger) {
  TuneResults results = Results({Done({"10", "1"}, 0, 0.93), Done({"20", "1"}, 0, 0.915), Done({"50", "1"}, 0, 0.90)});
  results.metric = "rmse";
  Choose(&results);
  EXPECT_EQ(results.best, 2u);
  EXPECT_EQ(results.chosen, 1u) << "0.915 <= 0.90 / 0.98";
}

TEST(ChoiceTest, RunsThatCameToNothingAreNotTaken) {
  TriedRun skipped{{"5", "1"}, "skipped", "why", 1, std::nullopt};
  TuneResults results = Results({skipped, Done({"10", "1"}, std::nan("")), Done({"20", "1"}, 0.1)});
  Choose(&results);
  EXPECT_EQ(results.chosen, 2u);
  results = Results({skipped});
  results.best = results.chosen = 0;
  Choose(&results);
  EXPECT_FALSE(results.best.has_value());
  EXPECT_FALSE(results.chosen.has_value());
}

}  // namespace
}  // namespace kindred
