// The inner loops, one implementation per ISA behind one table of function pointers. Plain pointers cross this border;
// nothing here allocates, locks or fails. Thread-safe: pure functions.
//
// Quantized layout (made by topk/quantizer): items in tiles of 64, dims in groups of 4, zero padded. A code c is an
// int8 biased by +128; its high nibble lies in plane 0 and its low nibble in plane 1, one plane after the other, each
// [n_tiles × 2 halves × d4 × 64 bytes]. A byte holds the nibbles of two items 16 apart: tile t, half h, group g, lane i
// (0…15), dim j (0…3) is byte (((t·2 + h)·d4 + g)·16 + i)·4 + j of a plane, item 64t + 32h + i in its low four bits and
// item 64t + 32h + 16 + i in its high four. So one AVX-512 register holds 32 items × 4 dims, the query is broadcast 4
// bytes at a time, no horizontal sum is needed, and most items are ruled out by plane 0 alone: half the memory traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kindred {

inline constexpr uint32_t kTileItems = 64;   // items per tile: one word of a bitmap
inline constexpr uint32_t kBlockItems = 16;  // items per error bound: one register of 32-bit lanes
inline constexpr uint32_t kTileBlocks = kTileItems / kBlockItems;
inline constexpr uint32_t kHalfItems = kTileItems / 2;  // items whose nibbles share a register

// A quantized space and one quantized query. Scores are approximate: approx(i) = query_scale·scales[i]·code dot
// + prior_weight·prior[i]; the true f32 score differs by at most the width of i's block,
//   width(b) = residual_weight·bounds[2b] + code_weight·bounds[2b+1] + slack.
// With `coarse_first`, plane 0 alone may rule a tile out: 15·query_positive_sum in the place of plane 1's share makes
// the code dot no smaller, and every f32 operation after it is monotonic, so that tile has no hit. Either way gives the
// same hits. REQUIRES: scales and query_scale are not negative.
struct ScanInput {
  const uint8_t* codes = nullptr;     // [2 planes × n_tiles × 2 halves × d4 × 64]
  const float* scales = nullptr;      // [n_tiles·64]
  const float* bounds = nullptr;      // [n_tiles·4 × 2]: per block, max residual norm, max code norm
  const float* prior = nullptr;       // [n_tiles·64] or nullptr
  const uint64_t* allowed = nullptr;  // [n_tiles] bitmap, bit i of word t = item 64t+i may be returned; or nullptr
  uint32_t n_tiles = 0;
  uint32_t n_items = 0;            // lanes at or past n_items never hit
  uint32_t d4 = 0;                 // groups of 4 dims
  const int8_t* query = nullptr;   // [d4·4] codes in [−127, 127], zero padded
  int32_t query_code_sum = 0;      // Σ query codes: takes the +128 bias out again
  int32_t query_positive_sum = 0;  // Σ max(query code, 0): 15 times it is the most that plane 1 can add
  float query_scale = 0;
  float prior_weight = 0;
  float residual_weight = 0;  // ‖q‖
  float code_weight = 0;      // ‖e_q‖ + rounding of the f32 sum
  float slack = 0;            // absolute rounding
  bool coarse_first = true;   // false: read both planes at once, for a catalogue that a cache holds
};

// One tile with at least one hit.
struct TileHits {
  uint64_t mask = 0;                     // items whose approx + width ≥ threshold and that are allowed
  alignas(64) float approx[kTileItems];  // valid for the items of mask
};

struct KernelTable {
  std::string_view name;  // "scalar", "avx2", "avx512_vnni"

  // Scans tiles [tile, end) until one has a hit, fills `hits` and returns its number; `end` when none has.
  // REQUIRES: tile ≤ end ≤ n_tiles.
  uint32_t (*scan_until_hit)(const ScanInput& input, uint32_t tile, uint32_t end, float threshold, TileHits* hits);

  // Inner product of f32 vectors in the one fixed order that defines a score: 16 partial sums, lane l over dims
  // l, l+16, …, multiply then add (never fused), then lanes folded 8+8, 4+4, 2+2, 1+1. Same bits on every ISA.
  float (*dot)(const float* a, const float* b, size_t d);

  // out[i] = dot(query, items + rows[i]·d) for n rows.
  void (*dot_rows)(const float* query, const float* items, const uint32_t* rows, size_t n, size_t d, float* out);
  // out[i] = dot(query, items + i·d) for rows 0…n−1.
  void (*dot_all)(const float* query, const float* items, size_t n, size_t d, float* out);
};

}  // namespace kindred
