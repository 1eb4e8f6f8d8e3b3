// The inner loops, one implementation per ISA behind one table of function pointers. Plain pointers cross this border;
// nothing here allocates, locks or fails. Thread-safe: pure functions.
//
// Quantized layout (made by topk/quantizer): items in tiles of 64, dims in groups of 4, zero padded. Tile t, group g,
// item i (0…63), dim j (0…3) is byte codes[((t·d4 + g)·64 + i)·4 + j], an int8 code biased by +128. So one AVX-512
// register holds 16 items × 4 dims, the query is broadcast 4 bytes at a time and no horizontal sum is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kindred {

inline constexpr uint32_t kTileItems = 64;   // items per tile: one word of a bitmap
inline constexpr uint32_t kBlockItems = 16;  // items per error bound: one register of 32-bit lanes
inline constexpr uint32_t kTileBlocks = kTileItems / kBlockItems;

// A quantized space and one quantized query. Scores are approximate: approx(i) = query_scale·scales[i]·code dot
// + prior_weight·prior[i]; the true f32 score differs by at most the width of i's block,
//   width(b) = residual_weight·bounds[2b] + code_weight·bounds[2b+1] + slack.
struct ScanInput {
  const uint8_t* codes = nullptr;     // [n_tiles × d4 × 64 × 4], biased by +128
  const float* scales = nullptr;      // [n_tiles·64]
  const float* bounds = nullptr;      // [n_tiles·4 × 2]: per block, max residual norm, max code norm
  const float* prior = nullptr;       // [n_tiles·64] or nullptr
  const uint64_t* allowed = nullptr;  // [n_tiles] bitmap, bit i of word t = item 64t+i may be returned; or nullptr
  uint32_t n_tiles = 0;
  uint32_t n_items = 0;           // lanes at or past n_items never hit
  uint32_t d4 = 0;                // groups of 4 dims
  const int8_t* query = nullptr;  // [d4·4] codes in [−127, 127], zero padded
  int32_t query_code_sum = 0;     // Σ query codes: takes the +128 bias out again
  float query_scale = 0;
  float prior_weight = 0;
  float residual_weight = 0;  // ‖q‖
  float code_weight = 0;      // ‖e_q‖ + rounding of the f32 sum
  float slack = 0;            // absolute rounding
};

// One tile with at least one hit.
struct TileHits {
  uint64_t mask = 0;                     // items whose approx + width ≥ threshold and that are allowed
  alignas(64) float approx[kTileItems];  // valid for every item of the tile
};

struct KernelTable {
  std::string_view name;  // "scalar", "avx2", "avx512_vnni"

  // Scans tiles [tile, n_tiles) until one has a hit, fills `hits` and returns its number; n_tiles when none has.
  uint32_t (*scan_until_hit)(const ScanInput& input, uint32_t tile, float threshold, TileHits* hits);

  // Inner product of f32 vectors in the one fixed order that defines a score: 16 partial sums, lane l over dims
  // l, l+16, …, multiply then add (never fused), then lanes folded 8+8, 4+4, 2+2, 1+1. Same bits on every ISA.
  float (*dot)(const float* a, const float* b, size_t d);

  // out[i] = dot(query, items + rows[i]·d) for n rows.
  void (*dot_rows)(const float* query, const float* items, const uint32_t* rows, size_t n, size_t d, float* out);
  // out[i] = dot(query, items + i·d) for rows 0…n−1.
  void (*dot_all)(const float* query, const float* items, size_t n, size_t d, float* out);
};

}  // namespace kindred
