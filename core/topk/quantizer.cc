#include "core/topk/quantizer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/kernels.h"
#include "core/topk/rounding.h"

namespace kindred {
namespace {

constexpr float kMaxCode = 127.0f;
constexpr int32_t kCodeBias = 128;
constexpr size_t kGroupBytes = kHalfItems * 2;  // a half tile's nibbles of 4 dims in one plane

// A row with a larger norm could overflow an f32 inner product with a query of kMaxCosineQueryNorm.
constexpr double kMaxCosineRowNorm = 1e20;
// Above the absolute error of one f32 product that underflows (2^-150), by far.
constexpr double kUnderflow = 0x1p-126;

// Adding and subtracting 1.5·2^52 rounds a double below 2^51 to the nearest integer, ties to even, without a call.
double RoundToInteger(double value) {
  constexpr double kMagic = 0x1.8p52;
  return (value + kMagic) - kMagic;
}

// Sums f(j) over 0…n−1 in four interleaved partial sums: one fixed order, and no chain of dependent additions.
template <typename F>
double SumFour(size_t n, F f) {
  double sums[4] = {};
  size_t j = 0;
  for (; j + 4 <= n; j += 4) {
    for (size_t l = 0; l < 4; ++l) sums[l] += f(j + l);
  }
  for (size_t l = 0; j + l < n; ++l) sums[l] += f(j + l);
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// Writes the codes of `row` and returns their scale. Residuals are measured afterwards, so nothing rests on the scale
// being a good one: a denormal scale is off by up to half, codes are then clamped, and the bound says so.
float QuantizeRow(std::span<const float> row, int8_t* codes) {
  float largest = 0;
  for (const float x : row) largest = std::max(largest, std::abs(x));
  const float scale = largest / kMaxCode;
  if (scale == 0) {
    std::fill_n(codes, row.size(), int8_t{0});
    return 0;
  }
  const double inverse = 1.0 / static_cast<double>(scale);
  for (size_t j = 0; j < row.size(); ++j) {
    const double code = RoundToInteger(static_cast<double>(row[j]) * inverse);
    codes[j] = static_cast<int8_t>(std::clamp(code, -127.0, 127.0));
  }
  return scale;
}

// Splits the codes of item `i` into the two planes that start at `planes`.
void StoreCodes(std::span<const int8_t> codes, uint32_t i, uint32_t d4, size_t plane_bytes, uint8_t* planes) {
  const uint32_t shift = i / kBlockItems % 2 * 4;
  uint8_t* high = planes + static_cast<size_t>(i / kHalfItems) * d4 * kGroupBytes + i % kBlockItems * 4;
  uint8_t* low = high + plane_bytes;
  const auto put = [shift](uint8_t* byte, uint32_t nibble) {
    *byte = static_cast<uint8_t>((*byte & ~(15u << shift)) | nibble << shift);
  };
  for (uint32_t j = 0; j < codes.size(); ++j) {
    const uint32_t code = static_cast<uint8_t>(codes[j] + kCodeBias);
    const size_t byte = j / 4 * kGroupBytes + j % 4;
    put(high + byte, code >> 4);
    put(low + byte, code & 15);
  }
}

double SquaredNorm(std::span<const float> row) {
  return SumFour(row.size(), [&](size_t j) { return static_cast<double>(row[j]) * row[j]; });
}

double SquaredCodeNorm(std::span<const int8_t> codes) {
  return SumFour(codes.size(), [&](size_t j) { return static_cast<double>(codes[j]) * codes[j]; });
}

// ‖multiplier·row − scale·codes‖².
double SquaredResidual(std::span<const float> row, double multiplier, double scale, const int8_t* codes) {
  return SumFour(row.size(), [&](size_t j) {
    const double difference = multiplier * row[j] - scale * codes[j];
    return difference * difference;
  });
}

float InverseNorm(double norm) {
  if (norm == 0) return 0;
  const float inverse = static_cast<float>(1.0 / norm);
  return std::isfinite(inverse) ? inverse : 0;
}

// The residual bound of a row under its cosine multiplier. Beside the residual it holds what the f32 score itself can
// be off by for a query within [kMinCosineQueryNorm, kMaxCosineQueryNorm], which a bound proportional to ‖q‖ covers:
// products of tiny elements that underflow are off by `dim` times kUnderflow, which the multiplier enlarges; with a
// huge row the product can overflow before the multiplier brings it back, and then nothing is known.
float CosineResidual(std::span<const float> row, double norm, float inverse, float scale, const int8_t* codes) {
  if (norm > kMaxCosineRowNorm) return std::numeric_limits<float>::max();
  const double residual = std::sqrt(SquaredResidual(row, inverse, scale, codes)) * kDoubleSumMargin;
  const double underflow = static_cast<double>(row.size()) * kUnderflow * inverse / kMinCosineQueryNorm;
  return std::min(RoundUpToFloat(residual + underflow), std::numeric_limits<float>::max());
}

}  // namespace

QuantizedItems QuantizeItems(std::span<const float> items, uint32_t n_items, uint32_t dim) {
  QuantizedItems out;
  out.n_items = n_items;
  out.dim = dim;
  out.n_tiles = (n_items + kTileItems - 1) / kTileItems;
  out.d4 = (dim + 3) / 4;
  const size_t padded_items = static_cast<size_t>(out.n_tiles) * kTileItems;
  const size_t plane_bytes = static_cast<size_t>(out.n_tiles) * 2 * out.d4 * kGroupBytes;
  out.codes = AlignedBuffer<uint8_t>(2 * plane_bytes);
  out.scales = AlignedBuffer<float>(padded_items);
  out.bounds = AlignedBuffer<float>(static_cast<size_t>(out.n_tiles) * kTileBlocks * 2);
  out.inverse_norms = AlignedBuffer<float>(n_items);
  out.cosine_scales = AlignedBuffer<float>(padded_items);
  out.cosine_bounds = AlignedBuffer<float>(static_cast<size_t>(out.n_tiles) * kTileBlocks * 2);
  // The nibbles of code 0.
  std::fill_n(out.codes.data(), plane_bytes, static_cast<uint8_t>(kCodeBias >> 4 | kCodeBias));

  AlignedBuffer<int8_t> codes(static_cast<size_t>(out.d4) * 4);  // zero padded: only `dim` are ever written
  for (uint32_t i = 0; i < n_items; ++i) {
    const std::span<const float> row = items.subspan(static_cast<size_t>(i) * dim, dim);
    const float scale = QuantizeRow(row, codes.data());
    StoreCodes(codes.span(), i, out.d4, plane_bytes, out.codes.data());
    const double norm = std::sqrt(SquaredNorm(row));
    const double code_norm = std::sqrt(SquaredCodeNorm({codes.data(), dim}));
    const float inverse = InverseNorm(norm);
    const float cosine_scale = scale * inverse;
    out.scales[i] = scale;
    out.inverse_norms[i] = inverse;
    out.cosine_scales[i] = cosine_scale;

    const size_t block = static_cast<size_t>(i / kBlockItems) * 2;
    const auto raise = [&](AlignedBuffer<float>& bounds, float residual, float code_bound) {
      bounds[block] = std::max(bounds[block], residual);
      bounds[block + 1] = std::max(bounds[block + 1], code_bound);
    };
    raise(out.bounds, NormUpperBound(SquaredResidual(row, 1, scale, codes.data())),
          RoundUpToFloat(scale * code_norm * kDoubleSumMargin));
    raise(out.cosine_bounds, CosineResidual(row, norm, inverse, cosine_scale, codes.data()),
          RoundUpToFloat(cosine_scale * code_norm * kDoubleSumMargin));
  }
  return out;
}

float MaxNormFromBounds(std::span<const float> bounds) {
  float largest = 0;
  for (size_t b = 0; b + 1 < bounds.size(); b += 2) {
    largest = std::max(largest, RoundUpToFloat(static_cast<double>(bounds[b]) + bounds[b + 1]));
  }
  return largest;
}

QuantizedQuery QuantizeQuery(std::span<const float> query, std::span<int8_t> codes) {
  QuantizedQuery out;
  std::fill(codes.begin(), codes.end(), int8_t{0});
  out.scale = QuantizeRow(query, codes.data());
  for (const int8_t code : codes) {
    out.code_sum += code;
    out.positive_sum += std::max<int32_t>(code, 0);
  }
  out.norm = NormUpperBound(SquaredNorm(query));
  out.residual_norm = NormUpperBound(SquaredResidual(query, 1, out.scale, codes.data()));
  return out;
}

}  // namespace kindred
