#include "core/topk/quantizer.h"

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/kernels/kernels.h"
#include "gtest/gtest.h"
#include "tests/unit/topk/topk_test_space.h"

namespace kindred {
namespace {

int CodeOf(const QuantizedItems& q, uint32_t item, uint32_t dim) {
  const size_t plane = size_t{q.n_tiles} * q.d4 * 128;
  const size_t at = (size_t{item} / 32 * q.d4 + dim / 4) * 64 + item % 16 * 4 + dim % 4;
  const int shift = item / 16 % 2 == 0 ? 0 : 4;
  return ((q.codes[at] >> shift & 15) * 16 + (q.codes[plane + at] >> shift & 15)) - 128;
}

// ‖multiplier·x − scale·codes‖ and ‖scale·codes‖ in long double.
std::pair<long double, long double> Norms(const QuantizedItems& q, const float* row, uint32_t item, float multiplier,
                                          float scale) {
  long double residual = 0, code_norm = 0;
  for (uint32_t j = 0; j < q.dim; ++j) {
    const long double x = static_cast<long double>(multiplier) * row[j];
    const long double code = static_cast<long double>(scale) * CodeOf(q, item, j);
    residual += (x - code) * (x - code);
    code_norm += code * code;
  }
  return {std::sqrt(residual), std::sqrt(code_norm)};
}

TEST(QuantizeItems, BoundsHoldForEveryRowOfEveryKind) {
  for (int kind = 0; kind < kRowKinds; ++kind) {
    for (const uint32_t dim : {1u, 3u, 16u, 37u, 100u}) {
      std::mt19937_64 rng(static_cast<uint64_t>(kind) * 1000 + dim);
      const uint32_t n = 203;
      const std::vector<float> rows = MakeRows(static_cast<RowKind>(kind), n, dim, rng);
      const QuantizedItems q = QuantizeItems(rows, n, dim);
      for (uint32_t i = 0; i < n; ++i) {
        const float* row = &rows[size_t{i} * dim];
        const auto [residual, code_norm] = Norms(q, row, i, 1, q.scales[i]);
        ASSERT_LE(residual, q.bounds[i / 16 * 2]) << "kind " << kind << " dim " << dim << " item " << i;
        ASSERT_LE(code_norm, q.bounds[i / 16 * 2 + 1]) << "kind " << kind << " dim " << dim << " item " << i;
        const auto [cosine_residual, cosine_code_norm] = Norms(q, row, i, q.inverse_norms[i], q.cosine_scales[i]);
        ASSERT_LE(cosine_residual, q.cosine_bounds[i / 16 * 2]) << "kind " << kind << " dim " << dim << " item " << i;
        ASSERT_LE(cosine_code_norm, q.cosine_bounds[i / 16 * 2 + 1]) << "kind " << kind << " dim " << dim;
        for (uint32_t j = 0; j < dim; ++j) ASSERT_LE(std::abs(CodeOf(q, i, j)), 127);
      }
    }
  }
}

TEST(QuantizeItems, BoundsOfGaussianRowsAreTight) {
  std::mt19937_64 rng(1);
  const uint32_t n = 256, dim = 64;
  const std::vector<float> rows = MakeRows(RowKind::kGaussian, n, dim, rng);
  const QuantizedItems q = QuantizeItems(rows, n, dim);
  for (uint32_t b = 0; b < n / 16; ++b) {
    EXPECT_LT(q.bounds[b * 2] / q.bounds[b * 2 + 1], 0.012f);  // 127 steps to the largest element of a row
    EXPECT_LT(q.cosine_bounds[b * 2], 0.012f);
    EXPECT_NEAR(q.cosine_bounds[b * 2 + 1], 1, 0.01f);
  }
}

TEST(QuantizeItems, PaddingIsNeutral) {
  std::mt19937_64 rng(2);
  const uint32_t n = 70, dim = 6;
  const QuantizedItems q = QuantizeItems(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  EXPECT_EQ(q.n_tiles, 2u);
  EXPECT_EQ(q.d4, 2u);
  EXPECT_EQ(q.codes.size(), size_t{2} * 2 * 64 * 4);
  EXPECT_EQ(q.bounds.size(), size_t{2} * 4 * 2);
  for (uint32_t i = 0; i < 128; ++i) {
    for (uint32_t j = 0; j < 8; ++j) {
      if (i >= n || j >= dim) {
        EXPECT_EQ(CodeOf(q, i, j), 0);
      }
    }
    if (i >= n) {
      EXPECT_EQ(q.scales[i], 0);
      EXPECT_EQ(q.cosine_scales[i], 0);
    }
  }
}

TEST(QuantizeItems, SameInputSameBytes) {
  std::mt19937_64 rng(3);
  const std::vector<float> rows = MakeRows(RowKind::kMixedNorms, 300, 33, rng);
  const QuantizedItems a = QuantizeItems(rows, 300, 33), b = QuantizeItems(rows, 300, 33);
  EXPECT_EQ(0, std::memcmp(a.codes.data(), b.codes.data(), a.codes.size_bytes()));
  EXPECT_EQ(0, std::memcmp(a.bounds.data(), b.bounds.data(), a.bounds.size_bytes()));
  EXPECT_EQ(0, std::memcmp(a.cosine_bounds.data(), b.cosine_bounds.data(), a.cosine_bounds.size_bytes()));
}

TEST(QuantizeItems, ZeroRowsAndRowsTooSmallToInvertHaveNoDirection) {
  std::vector<float> rows = {0, 0, 1e-40f, 0, 3, 4};
  const QuantizedItems q = QuantizeItems(rows, 3, 2);
  EXPECT_EQ(q.inverse_norms[0], 0);
  EXPECT_EQ(q.inverse_norms[1], 0);
  EXPECT_FLOAT_EQ(q.inverse_norms[2], 0.2f);
  for (const float bound : q.cosine_bounds) EXPECT_TRUE(std::isfinite(bound));
}

TEST(QuantizeItems, EveryBoundIsFiniteForTheLargestRows) {
  const float max = std::numeric_limits<float>::max();
  const std::vector<float> rows(size_t{20} * 4, max);
  const QuantizedItems q = QuantizeItems(rows, 20, 4);
  for (const float bound : q.cosine_bounds) EXPECT_TRUE(std::isfinite(bound));
  for (uint32_t i = 0; i < 20; ++i) EXPECT_TRUE(std::isfinite(q.scales[i]));
}

TEST(QuantizeQuery, BoundsHoldAndCodesAddUp) {
  std::mt19937_64 rng(4);
  for (const float size : {1.0f, 1e-42f, 1e30f, 0.0f}) {
    for (uint32_t dim = 1; dim < 80; ++dim) {
      std::vector<float> query = MakeRows(RowKind::kGaussian, 1, dim, rng);
      for (float& x : query) x *= size;
      std::vector<int8_t> codes((dim + 3) / 4 * 4, 99);
      const QuantizedQuery q = QuantizeQuery(query, codes);
      long double norm = 0, residual = 0;
      int32_t sum = 0, positive_sum = 0;
      for (uint32_t j = 0; j < dim; ++j) {
        const long double e = static_cast<long double>(query[j]) - static_cast<long double>(q.scale) * codes[j];
        norm += static_cast<long double>(query[j]) * query[j];
        residual += e * e;
        sum += codes[j];
        if (codes[j] > 0) positive_sum += codes[j];
        ASSERT_GE(codes[j], -127);
      }
      for (size_t j = dim; j < codes.size(); ++j) ASSERT_EQ(codes[j], 0);
      ASSERT_LE(std::sqrt(norm), q.norm);
      ASSERT_LE(std::sqrt(residual), q.residual_norm);
      ASSERT_EQ(sum, q.code_sum);
      ASSERT_EQ(positive_sum, q.positive_sum);
    }
  }
}

TEST(MaxNormFromBounds, CoversEveryRow) {
  for (int kind = 0; kind < kRowKinds; ++kind) {
    std::mt19937_64 rng(static_cast<uint64_t>(kind));
    const uint32_t n = 100, dim = 9;
    const std::vector<float> rows = MakeRows(static_cast<RowKind>(kind), n, dim, rng);
    const float max_norm = MaxNormFromBounds(QuantizeItems(rows, n, dim).bounds.span());
    double largest = 0;
    for (uint32_t i = 0; i < n; ++i) {
      double squares = 0;
      for (uint32_t j = 0; j < dim; ++j) squares += static_cast<double>(rows[i * dim + j]) * rows[i * dim + j];
      largest = std::max(largest, std::sqrt(squares));
    }
    EXPECT_GE(max_norm, largest);
    if (kind != static_cast<int>(RowKind::kTiny)) {
      EXPECT_LE(max_norm, largest * 1.05);
    }
  }
}

}  // namespace
}  // namespace kindred
