// Derivation. u = 2^-24 is the unit roundoff of f32, γ(n) = n·u/(1 − n·u) (Higham, Accuracy and Stability of Numerical
// Algorithms, §3.1). For an item: X = m·x (m its multiplier, or 1), x̂ = scale·codes, e = X − x̂; likewise q̂ and e_q of
// the query; P = β·b the prior term. In exact arithmetic
//
//   q·X − q̂·x̂ = q·e + e_q·x̂,  so  |q·X − q̂·x̂| ≤ ‖q‖‖e‖ + ‖e_q‖‖x̂‖.                                          (1)
//
// The score S is what kernels/kernels.h computes. Each product passes one rounding, at most ⌈d/16⌉ additions of its
// lane, four of the fold, the multiplier's and the prior's: n = ⌈d/16⌉ + 7 roundings, and Σ|q_j·X_j| ≤ ‖q‖‖X‖, hence
//
//   |S − (q·X + P)| ≤ γ(n)·‖q‖·(‖e‖ + ‖x̂‖) + 2u(1+u)·|P| + underflow.                                            (2)
//
// The approximation A = fl(fl(fl(fl(I)·scale)·query_scale) + fl(β·b)): the integer I is exact, its conversion, two
// products and one sum round, and ‖q̂‖ ≤ ‖q‖ + ‖e_q‖, hence
//
//   |A − (q̂·x̂ + P)| ≤ γ(4)·(‖q‖ + ‖e_q‖)·‖x̂‖ + 2u(1+u)·|P| + underflow.                                          (3)
//
// A ± w is rounded once more: an error of u·(|A| + w), where |A| ≤ (1+γ(4))·((‖q‖ + ‖e_q‖)·‖x̂‖ + |P|); and w itself,
// as residual_weight·b0 + code_weight·b1 + slack, is short by at most γ(3)·w. With b0 ≥ ‖e‖ and b1 ≥ ‖x̂‖ the sum of
// all of these is covered by
//
//   residual_weight = ‖q‖·(1 + γ(n))                          · (1 + 16u)
//   code_weight     = (‖e_q‖ + γ(n)·‖q‖ + 16u·(‖q‖ + ‖e_q‖))  · (1 + 16u)
//   slack           = (16u·|β|·max|b| + τ)                    · (1 + 16u)
//
// each rounded up. τ is for underflow: a product below the normal range is off by at most 2^-150 whatever its size.
// There are d of them in S, a handful in A and w, and the one by query_scale enlarges the one before it; 2^-126 each is
// generous. With multipliers, m enlarges those of S; the cosine bounds hold that share (quantizer.cc), which is why
// the query's norm is limited there.
#include "core/topk/error_bound.h"

#include <cmath>

#include "core/topk/rounding.h"

namespace kindred {
namespace {

constexpr double kRoundoff = 0x1p-24;
constexpr double kMargin = 1 + 16 * kRoundoff;
constexpr double kUnderflow = 0x1p-126;

// Σ code·code stays below 2^31, and 128 times the sum of the query's codes too.
constexpr uint32_t kMaxDim = 65536;
// Every intermediate of score, approximation and width stays below FLT_MAX = 3.4e38 when norms are at most kMaxNorm,
// (the code product adds at most 127²·kMaxDim = 1.1e9) and scores at most kMaxScore.
constexpr double kMaxNorm = 1e27;
constexpr double kMaxScore = 1e36;

}  // namespace

bool SetErrorBound(const ScanSpace& space, float prior_weight, const QuantizedQuery& query, ScanInput* input) {
  const double norm = query.norm, residual_norm = query.residual_norm, max_norm = space.max_norm;
  const double prior = space.prior.empty() ? 0 : std::abs(static_cast<double>(prior_weight)) * space.prior_max_abs;
  // Written so that a NaN anywhere fails.
  const bool bounded = space.dim <= kMaxDim && max_norm > 0 && max_norm <= kMaxNorm && norm <= kMaxNorm &&
                       norm * max_norm <= kMaxScore && prior <= kMaxScore;
  if (!bounded) return false;
  if (!space.multipliers.empty() && !(norm >= kMinCosineQueryNorm && norm <= kMaxCosineQueryNorm)) return false;

  const double roundings = (space.dim + 15) / 16 + 7;
  const double gamma = roundings * kRoundoff / (1 - roundings * kRoundoff);
  const double tau = (space.dim + 16 + static_cast<double>(query.scale)) * kUnderflow;
  input->query_scale = query.scale;
  input->query_code_sum = query.code_sum;
  input->query_positive_sum = query.positive_sum;
  input->residual_weight = RoundUpToFloat(norm * (1 + gamma) * kMargin);
  input->code_weight =
      RoundUpToFloat((residual_norm + gamma * norm + 16 * kRoundoff * (norm + residual_norm)) * kMargin);
  input->slack = RoundUpToFloat((16 * kRoundoff * prior + tau) * kMargin);
  return true;
}

}  // namespace kindred
