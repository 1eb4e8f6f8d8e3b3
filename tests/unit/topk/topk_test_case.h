// Seeded searches of every kind: rows, queries, bitmaps, exclusions, priors and sizes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/topk/topk_scan.h"
#include "tests/unit/topk/topk_test_space.h"

namespace kindred {

// A query of a kind that suits the rows: Gaussian, a row itself, huge, tiny, zero, one-hot.
inline std::vector<float> MakeQuery(const std::vector<float>& rows, uint32_t n, uint32_t dim, std::mt19937_64& rng) {
  std::normal_distribution<float> normal;
  std::vector<float> query(dim);
  for (float& x : query) x = normal(rng);
  switch (rng() % 9) {
    case 0:
      for (float& x : query) x *= 1e18f;
      break;
    case 1:
      for (float& x : query) x *= 1e-40f;
      break;
    case 2:
      std::fill(query.begin(), query.end(), 0.0f);
      break;
    case 3:
      for (size_t j = 1; j < query.size(); ++j) query[j] = 0;
      break;
    case 4:
    case 5: {
      const size_t row = rng() % n;
      std::copy_n(rows.begin() + static_cast<ptrdiff_t>(row * dim), dim, query.begin());
      break;
    }
    default:
      break;
  }
  return query;
}

struct Case {
  TestSpace space;
  std::vector<float> vector;
  std::vector<uint64_t> allowed;
  std::vector<uint32_t> excluded;
  TopKQuery query;
  std::string description;
};

inline Case MakeCase(uint64_t seed) {
  std::mt19937_64 rng(seed);
  Case out;
  const auto kind = static_cast<RowKind>(rng() % kRowKinds);
  const uint32_t dim = 1 + static_cast<uint32_t>(rng() % (rng() % 4 == 0 ? 300 : 40));
  const uint32_t n = 1 + static_cast<uint32_t>(rng() % (rng() % 3 == 0 ? 3000 : 700));
  std::vector<float> rows = MakeRows(kind, n, dim, rng);
  out.vector = MakeQuery(rows, n, dim, rng);
  const bool cosine = rng() % 3 == 0;
  std::vector<float> prior;
  if (rng() % 3 == 0) {
    std::normal_distribution<float> normal;
    prior.resize(n);
    const float size = std::pow(10.0f, static_cast<float>(static_cast<int>(rng() % 9)) - 4);
    for (float& b : prior) b = rng() % 4 == 0 ? 0 : std::round(normal(rng) * 4) / 4 * size;
    out.query.prior_weight = rng() % 5 == 0 ? -0.7f : 0.3f;
  }
  if (rng() % 3 == 0) {
    static constexpr double kDensities[] = {0, 0.001, 0.01, 0.1, 0.5, 0.99, 1};
    const double density = kDensities[rng() % 7];
    out.allowed.resize((n + 63) / 64);
    // Bits past n_items are set on purpose: they must be ignored.
    std::uniform_real_distribution<double> uniform(0, 1);
    for (uint64_t& word : out.allowed) {
      for (int bit = 0; bit < 64; ++bit) word |= static_cast<uint64_t>(uniform(rng) < density) << bit;
    }
    out.query.allowed = out.allowed;
  }
  if (rng() % 2 == 0) {
    const uint64_t keep_one_in = 1 + rng() % 20;
    for (uint32_t i = 0; i < n; ++i) {
      if (rng() % keep_one_in == 0) out.excluded.push_back(i);
    }
    out.query.excluded = out.excluded;
  }
  static constexpr uint32_t kKs[] = {1, 2, 10, 10, 10, 37, 100, 1000, 0x7fffffff};
  out.query.k = rng() % 10 == 0 ? n : kKs[rng() % 9];
  out.space = TestSpace::Make(std::move(rows), n, dim, cosine, std::move(prior));
  out.query.vector = out.vector;
  out.description = "seed " + std::to_string(seed) + " kind " + std::to_string(static_cast<int>(kind)) + " n " +
                    std::to_string(n) + " dim " + std::to_string(dim) + " k " + std::to_string(out.query.k) +
                    (cosine ? " cosine" : "") + (out.space.prior.empty() ? "" : " prior") +
                    (out.allowed.empty() ? "" : " bitmap") + (out.excluded.empty() ? "" : " exclusions");
  return out;
}

}  // namespace kindred
