// How good one ranked list is, and the mean over many. Pure functions and plain values, thread-safe. Formulas:
// docs/evaluation.md.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kindred {

enum class RankingMetric : uint8_t { kRecall, kPrecision, kNdcg, kMap, kHitRate, kMrr };
inline constexpr std::array kRankingMetrics = {RankingMetric::kRecall, RankingMetric::kPrecision, RankingMetric::kNdcg,
                                               RankingMetric::kMap,    RankingMetric::kHitRate,   RankingMetric::kMrr};
std::string_view RankingMetricName(RankingMetric metric);  // "recall", "precision", "ndcg", "map", "hit_rate", "mrr"

// Values of every metric, in the order of kRankingMetrics.
using RankingScores = std::array<double, kRankingMetrics.size()>;
inline double Get(const RankingScores& scores, RankingMetric metric) { return scores[static_cast<size_t>(metric)]; }

// One user's list against what the user went on to do. With hits h_r ∈ {0, 1} at ranks r = 1 … K and n relevant items:
//   recall     Σ h_r / n
//   precision  Σ h_r / K                                   (K even where the list is shorter)
//   ndcg       Σ h_r / log2(r + 1)  /  Σ_{r ≤ min(K, n)} 1 / log2(r + 1)      (Järvelin & Kekäläinen 2002)
//   map        Σ h_r · (hits up to r) / r  /  min(K, n)
//   hit_rate   1 when there is a hit, else 0
//   mrr        1 / rank of the first hit, 0 without one
// `hit_ranks`: ranks of the hits, from 1, ascending; those past K do not count. REQUIRES: k > 0, n_relevant > 0. O(K).
RankingScores ScoreList(std::span<const uint32_t> hit_ranks, uint32_t n_relevant, uint32_t k);

// Mean and standard error (sd / √n, sd with n − 1) over users. Not thread-safe; adding in the same order gives the same
// bits.
class MeanScores {
 public:
  void Add(const RankingScores& scores);
  uint64_t count() const { return count_; }
  // Zeros when nothing was added; the error is 0 below two users.
  RankingScores Mean() const;
  RankingScores StandardError() const;

 private:
  uint64_t count_ = 0;
  RankingScores mean_{}, squares_{};  // Welford's running mean and Σ (x − mean)²
};

}  // namespace kindred
