#include "trainer/evaluation/ranking_metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

namespace kindred {
namespace {

double Of(const RankingScores& scores, RankingMetric metric) { return Get(scores, metric); }

TEST(RankingMetricsTest, WorkedByHand) {
  // List of 5: hit, miss, hit, miss, miss; 4 relevant items in all.
  const std::vector<uint32_t> ranks = {1, 3};
  const RankingScores scores = ScoreList(ranks, 4, 5);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kRecall), 0.5);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kPrecision), 0.4);
  // DCG = 1 + 1/2; ideal of 4 = 1 + 0.6309298 + 0.5 + 0.4306766.
  EXPECT_NEAR(Of(scores, RankingMetric::kNdcg), 1.5 / 2.5616063, 1e-7);
  // (1/1 + 2/3) / 4.
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kMap), (1.0 + 2.0 / 3) / 4);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kHitRate), 1);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kMrr), 1);
}

TEST(RankingMetricsTest, HitsPastKDoNotCount) {
  const std::vector<uint32_t> ranks = {3, 11};
  const RankingScores scores = ScoreList(ranks, 2, 10);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kRecall), 0.5);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kMrr), 1.0 / 3);
  EXPECT_DOUBLE_EQ(Of(ScoreList(ranks, 2, 2), RankingMetric::kHitRate), 0);
}

TEST(RankingMetricsTest, IdealIsThatOfTheSmallerOfKAndRelevant) {
  // 3 hits in a list of 3 with 100 relevant items: nothing better fits into the list.
  const std::vector<uint32_t> ranks = {1, 2, 3};
  const RankingScores scores = ScoreList(ranks, 100, 3);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kNdcg), 1);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kMap), 1);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kPrecision), 1);
  EXPECT_DOUBLE_EQ(Of(scores, RankingMetric::kRecall), 0.03);
}

TEST(RankingMetricsTest, PerfectAndWorst) {
  const RankingScores perfect = ScoreList(std::vector<uint32_t>{1, 2}, 2, 10);
  for (const RankingMetric metric : kRankingMetrics) {
    EXPECT_DOUBLE_EQ(Of(perfect, metric), metric == RankingMetric::kPrecision ? 0.2 : 1.0) << RankingMetricName(metric);
  }
  const RankingScores worst = ScoreList({}, 2, 10);
  for (const RankingMetric metric : kRankingMetrics) EXPECT_EQ(Of(worst, metric), 0) << RankingMetricName(metric);
}

// Written from the formulas with gains for every rank, without the shortcuts.
RankingScores Naive(const std::vector<int>& list, const std::set<int>& relevant, uint32_t k) {
  double hits = 0, dcg = 0, ideal = 0, ap = 0, rr = 0;
  for (uint32_t i = 0; i < k; ++i) {
    if (i < relevant.size()) ideal += 1 / std::log2(i + 2.0);
    if (i >= list.size() || !relevant.contains(list[i])) continue;
    double so_far = 0;
    for (uint32_t j = 0; j <= i; ++j) so_far += relevant.contains(list[j]) ? 1 : 0;
    ap += so_far / (i + 1);
    if (hits == 0) rr = 1.0 / (i + 1);
    ++hits;
    dcg += 1 / std::log2(i + 2.0);
  }
  const double n = static_cast<double>(relevant.size());
  return {hits / n, hits / k, dcg / ideal, ap / std::min<double>(k, n), hits > 0 ? 1.0 : 0.0, rr};
}

TEST(RankingMetricsTest, AgreesWithNaiveOracle) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<int> list(random() % 30);
    for (size_t i = 0; i < list.size(); ++i) list[i] = static_cast<int>(i * 3 % 101);
    std::shuffle(list.begin(), list.end(), random);
    std::set<int> relevant;
    while (relevant.empty() || random() % 4 != 0) relevant.insert(static_cast<int>(random() % 101));
    std::vector<uint32_t> ranks;
    for (size_t i = 0; i < list.size(); ++i) {
      if (relevant.contains(list[i])) ranks.push_back(static_cast<uint32_t>(i + 1));
    }
    for (const uint32_t k : {1U, 5U, 10U, 50U}) {
      const RankingScores expected = Naive(list, relevant, k);
      const RankingScores found = ScoreList(ranks, static_cast<uint32_t>(relevant.size()), k);
      for (const RankingMetric metric : kRankingMetrics) {
        EXPECT_NEAR(Of(found, metric), Of(expected, metric), 1e-12) << RankingMetricName(metric) << "@" << k;
      }
    }
  }
}

TEST(MeanScoresTest, MeanAndStandardError) {
  MeanScores scores;
  EXPECT_EQ(scores.Mean()[0], 0);
  for (const double x : {0.0, 1.0, 1.0, 0.0}) scores.Add({x, 2 * x, 0, 0, 0, 0});
  EXPECT_DOUBLE_EQ(scores.Mean()[0], 0.5);
  EXPECT_DOUBLE_EQ(scores.Mean()[1], 1);
  // sd = sqrt(4 · 0.25 / 3), over √4.
  EXPECT_NEAR(scores.StandardError()[0], std::sqrt(1.0 / 3) / 2, 1e-12);
  EXPECT_EQ(scores.StandardError()[2], 0);
}

}  // namespace
}  // namespace kindred
