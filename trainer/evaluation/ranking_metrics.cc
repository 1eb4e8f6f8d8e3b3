#include "trainer/evaluation/ranking_metrics.h"

#include <algorithm>
#include <cmath>

namespace kindred {

std::string_view RankingMetricName(RankingMetric metric) {
  switch (metric) {
    case RankingMetric::kRecall:
      return "recall";
    case RankingMetric::kPrecision:
      return "precision";
    case RankingMetric::kNdcg:
      return "ndcg";
    case RankingMetric::kMap:
      return "map";
    case RankingMetric::kHitRate:
      return "hit_rate";
    case RankingMetric::kMrr:
      return "mrr";
  }
  return "unknown";
}

RankingScores ScoreList(std::span<const uint32_t> hit_ranks, uint32_t n_relevant, uint32_t k) {
  double dcg = 0, precisions = 0;
  uint32_t hits = 0;
  for (const uint32_t rank : hit_ranks) {
    if (rank > k) break;
    ++hits;
    dcg += 1 / std::log2(rank + 1.0);
    precisions += static_cast<double>(hits) / rank;
  }
  const uint32_t reachable = std::min(k, n_relevant);
  double ideal = 0;
  for (uint32_t rank = 1; rank <= reachable; ++rank) ideal += 1 / std::log2(rank + 1.0);
  return {static_cast<double>(hits) / n_relevant,
          static_cast<double>(hits) / k,
          dcg / ideal,
          precisions / reachable,
          hits > 0 ? 1.0 : 0.0,
          hits > 0 ? 1.0 / hit_ranks.front() : 0.0};
}

void MeanScores::Add(const RankingScores& scores) {
  ++count_;
  for (size_t i = 0; i < scores.size(); ++i) {
    const double delta = scores[i] - mean_[i];
    mean_[i] += delta / static_cast<double>(count_);
    squares_[i] += delta * (scores[i] - mean_[i]);
  }
}

RankingScores MeanScores::Mean() const { return mean_; }

RankingScores MeanScores::StandardError() const {
  RankingScores out{};
  if (count_ < 2) return out;
  const auto n = static_cast<double>(count_);
  for (size_t i = 0; i < out.size(); ++i) out[i] = std::sqrt(squares_[i] / (n - 1) / n);
  return out;
}

}  // namespace kindred
