// Quantizes f32 vectors to int8 codes with the error bounds that make the scan exact (architecture §4).
// Pure functions, deterministic, the same bytes on every machine.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/aligned_buffer.h"

namespace kindred {

// Codes, scales and bounds of an item matrix, laid out as kernels/kernels.h says.
struct QuantizedItems {
  uint32_t n_items = 0, dim = 0, n_tiles = 0, d4 = 0;
  AlignedBuffer<uint8_t> codes;  // [2 planes × n_tiles × 2 × d4 × 64], nibbles of int8 + 128 (padding: code 0)
  AlignedBuffer<float> scales;   // [n_tiles·64]; x ≈ scale · code
  AlignedBuffer<float> bounds;  // [n_tiles·4 × 2]: per block of 16, max ‖x − x̂‖ and max ‖x̂‖, rounded up
  AlignedBuffer<float> inverse_norms;  // [n_items]: 1/‖x‖, 0 for a zero row (and where 1/‖x‖ overflows)
  AlignedBuffer<float> cosine_scales;  // [n_tiles·64]: scales · inverse norm
  AlignedBuffer<float> cosine_bounds;  // [n_tiles·4 × 2]: the bounds of x/‖x‖
};

// Queries that a scan with multipliers (cosine) takes through its codes have norms between these two; others are
// answered by a full f32 scan. The cosine bounds include what can underflow or overflow for a query within them.
inline constexpr float kMinCosineQueryNorm = 1e-10f;
inline constexpr float kMaxCosineQueryNorm = 1e18f;

// items: [n_items × dim], row-major, finite. O(n_items · dim).
QuantizedItems QuantizeItems(std::span<const float> items, uint32_t n_items, uint32_t dim);

// At least the largest norm among the rows that `bounds` (QuantizedItems::bounds, or its bundle tensor) covers, and at
// most a few per cent more: what ScanSpace::max_norm wants for a space without multipliers. O(n_items / 16).
float MaxNormFromBounds(std::span<const float> bounds);

// A query vector as codes, written to `codes` [d4·4]. scale·codes ≈ query.
struct QuantizedQuery {
  float scale = 0;
  int32_t code_sum = 0;
  int32_t positive_sum = 0;  // of the codes above 0
  float norm = 0;            // ‖q‖, rounded up
  float residual_norm = 0;   // ‖q − q̂‖, rounded up
};
QuantizedQuery QuantizeQuery(std::span<const float> query, std::span<int8_t> codes);

}  // namespace kindred
