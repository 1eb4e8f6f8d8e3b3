// Item matrices of every awkward kind for the top-K tests, and the naive search they are held against.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "core/topk/quantizer.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// Owns what a ScanSpace views.
struct TestSpace {
  std::vector<float> items;
  std::vector<float> prior;  // [n_tiles·64] or empty
  QuantizedItems quantized;
  bool cosine = false;

  static TestSpace Make(std::vector<float> items, uint32_t n_items, uint32_t dim, bool cosine = false,
                        std::vector<float> prior = {}) {
    TestSpace out;
    out.items = std::move(items);
    out.prior = std::move(prior);
    out.cosine = cosine;
    out.quantized = QuantizeItems(out.items, n_items, dim);
    if (!out.prior.empty()) out.prior.resize(static_cast<size_t>(out.quantized.n_tiles) * kTileItems);
    return out;
  }

  ScanSpace View() const {
    ScanSpace space;
    space.items = items;
    space.codes = quantized.codes.span();
    space.n_items = quantized.n_items;
    space.dim = quantized.dim;
    if (cosine) {
      space.multipliers = quantized.inverse_norms.span();
      space.scales = quantized.cosine_scales.span();
      space.bounds = quantized.cosine_bounds.span();
      space.max_norm = 1;
    } else {
      space.scales = quantized.scales.span();
      space.bounds = quantized.bounds.span();
      space.max_norm = MaxNormFromBounds(space.bounds);
    }
    space.prior = prior;
    for (const float b : prior) space.prior_max_abs = std::max(space.prior_max_abs, std::abs(b));
    return space;
  }
};

// Scores every admissible item with the scalar oracle, sorts all of them, cuts. Shares nothing with the search.
inline std::vector<ScoredItem> NaiveTopK(const ScanSpace& space, const TopKQuery& query) {
  const KernelTable& oracle = *SupportedKernels().front();
  std::vector<bool> is_excluded(space.n_items);
  for (const uint32_t item : query.excluded) is_excluded[item] = true;
  std::vector<ScoredItem> all;
  for (uint32_t i = 0; i < space.n_items; ++i) {
    if (!query.allowed.empty() && (query.allowed[i / 64] >> (i % 64) & 1) == 0) continue;
    if (is_excluded[i]) continue;
    volatile float score = oracle.dot(query.vector.data(), &space.items[size_t{i} * space.dim], space.dim);
    if (!space.multipliers.empty()) score = score * space.multipliers[i];
    if (!space.prior.empty() && query.prior_weight != 0) {
      volatile float term = query.prior_weight * space.prior[i];
      score = score + term;
    }
    all.push_back({i, score});
  }
  std::stable_sort(all.begin(), all.end(), [](const ScoredItem& a, const ScoredItem& b) {
    if (std::isnan(a.score) || std::isnan(b.score)) return !std::isnan(a.score) && std::isnan(b.score);
    return a.score > b.score;
  });
  if (all.size() > query.k) all.resize(query.k);
  return all;
}

// Equal items in equal order with equal score bits (any NaN equals any NaN). "" when so, else where they part.
inline std::string Difference(std::span<const ScoredItem> found, const std::vector<ScoredItem>& expected) {
  if (found.size() != expected.size()) {
    return "found " + std::to_string(found.size()) + " items, expected " + std::to_string(expected.size());
  }
  for (size_t r = 0; r < expected.size(); ++r) {
    const bool nan = std::isnan(found[r].score) && std::isnan(expected[r].score);
    const bool same_score = nan || (found[r].score == expected[r].score);
    if (found[r].item != expected[r].item || !same_score) {
      return "rank " + std::to_string(r) + ": found item " + std::to_string(found[r].item) + " score " +
             std::to_string(found[r].score) + ", expected item " + std::to_string(expected[r].item) + " score " +
             std::to_string(expected[r].score);
    }
  }
  return "";
}

enum class RowKind {
  kGaussian,
  kNonNegative,    // NMF factors: sparse and ≥ 0
  kDuplicates,     // few distinct rows
  kAllTied,        // one row, many times
  kZeros,          // mostly zero rows
  kTiny,           // 1e-40: denormal elements
  kHuge,           // 1e18
  kMixedNorms,     // rows from 1e-40 to 1e18
  kIntegers,       // small integers: many ties that are exact
  kOneHot,         // one non-zero element
  kPowerLawNorms,  // norms as popularity gives them
  kNearTies,       // one row plus a few units in the last place
  kSpiky,          // one element dwarfs the others, so codes of the rest are 0
};
inline constexpr int kRowKinds = 13;

inline std::vector<float> MakeRows(RowKind kind, uint32_t n, uint32_t dim, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> rows(size_t{n} * dim);
  std::vector<float> base(dim);
  for (float& x : base) x = normal(rng);
  const uint32_t distinct = 1 + static_cast<uint32_t>(rng() % 5);
  std::vector<float> few(size_t{distinct} * dim);
  for (float& x : few) x = normal(rng);
  for (uint32_t i = 0; i < n; ++i) {
    float* row = &rows[size_t{i} * dim];
    const float exponent = -40 + 58 * uniform(rng);
    const bool zero = kind == RowKind::kZeros && uniform(rng) < 0.9f;
    const uint64_t copy = rng() % distinct;
    const uint32_t hot = static_cast<uint32_t>(rng() % std::max(dim, 1u));
    for (uint32_t j = 0; j < dim; ++j) {
      const float x = normal(rng);
      switch (kind) {
        case RowKind::kGaussian:
          row[j] = x;
          break;
        case RowKind::kNonNegative:
          row[j] = uniform(rng) < 0.6f ? 0 : std::abs(x);
          break;
        case RowKind::kDuplicates:
          row[j] = few[copy * dim + j];
          break;
        case RowKind::kAllTied:
          row[j] = base[j];
          break;
        case RowKind::kZeros:
          row[j] = zero ? 0 : x;
          break;
        case RowKind::kTiny:
          row[j] = x * 1e-40f;
          break;
        case RowKind::kHuge:
          row[j] = x * 1e18f;
          break;
        case RowKind::kMixedNorms:
          row[j] = static_cast<float>(x * std::pow(10.0, exponent));
          break;
        case RowKind::kIntegers:
          row[j] = std::round(x);
          break;
        case RowKind::kOneHot:
          row[j] = j == hot ? x : 0;
          break;
        case RowKind::kPowerLawNorms:
          row[j] = x / std::sqrt(static_cast<float>(i + 1));
          break;
        case RowKind::kNearTies:
          row[j] = base[j] * (1 + static_cast<float>(static_cast<int>(rng() % 5) - 2) * 0x1p-23f);
          break;
        case RowKind::kSpiky:
          row[j] = j == 0 ? 1000 + x : x;
          break;
      }
    }
  }
  return rows;
}

}  // namespace kindred
