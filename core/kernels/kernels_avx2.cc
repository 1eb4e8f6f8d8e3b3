// AVX2: the nibbles of 16 items × 4 dims a register. Compiled with -mavx2; nothing but intrinsics and plain pointers
// may appear here, lest the linker keep an inline function of this file for callers on CPUs without AVX2.
#include <immintrin.h>

#include "core/kernels/kernel_tables.h"

namespace kindred {
namespace {

constexpr size_t kGroupBytes = kHalfItems * 2;  // a half tile's nibbles of 4 dims in one plane
// How far ahead of the codes being multiplied to ask for the next: the hardware prefetcher stops at the end of a page.
constexpr size_t kPrefetchBytes = 2048;
// Lines of f32 rows asked for ahead of the row being multiplied: about what a core can wait for at once.
constexpr size_t kPrefetchLines = 32;

// Products of nibbles and query codes are added in pairs (at most 2·15·127 = 3810), and 8 such pairs fit 16 bits.
constexpr uint32_t kGroupsIn16Bits = 8;

inline __m256i Widen(__m256i pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }

// The code dots, or a share of them, of half a tile: register e holds items 8e…8e+7 of the half.
struct HalfSums {
  __m256i e[4];
};

// Σ nibble × query code of half a tile in one plane.
inline HalfSums SumPlane(const uint8_t* codes, const int8_t* query, uint32_t d4) {
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i low0 = _mm256_setzero_si256(), low1 = low0, high0 = low0, high1 = low0;
  for (uint32_t g = 0; g < d4;) {
    __m256i low0_pairs = _mm256_setzero_si256(), low1_pairs = low0_pairs;
    __m256i high0_pairs = low0_pairs, high1_pairs = low0_pairs;
    const uint32_t end = g + kGroupsIn16Bits < d4 ? g + kGroupsIn16Bits : d4;
    for (; g < end; ++g, codes += kGroupBytes) {
      int32_t four;
      __builtin_memcpy(&four, query + g * 4, 4);
      const __m256i weights = _mm256_set1_epi32(four);
      const __m256i bytes0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
      const __m256i bytes1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + 32));
      _mm_prefetch(reinterpret_cast<const char*>(codes) + kPrefetchBytes, _MM_HINT_T0);
      low0_pairs = _mm256_add_epi16(low0_pairs, _mm256_maddubs_epi16(_mm256_and_si256(bytes0, nibble), weights));
      low1_pairs = _mm256_add_epi16(low1_pairs, _mm256_maddubs_epi16(_mm256_and_si256(bytes1, nibble), weights));
      const __m256i upper0 = _mm256_and_si256(_mm256_srli_epi16(bytes0, 4), nibble);
      const __m256i upper1 = _mm256_and_si256(_mm256_srli_epi16(bytes1, 4), nibble);
      high0_pairs = _mm256_add_epi16(high0_pairs, _mm256_maddubs_epi16(upper0, weights));
      high1_pairs = _mm256_add_epi16(high1_pairs, _mm256_maddubs_epi16(upper1, weights));
    }
    low0 = _mm256_add_epi32(low0, Widen(low0_pairs));
    low1 = _mm256_add_epi32(low1, Widen(low1_pairs));
    high0 = _mm256_add_epi32(high0, Widen(high0_pairs));
    high1 = _mm256_add_epi32(high1, Widen(high1_pairs));
  }
  return {{low0, low1, high0, high1}};
}

// Scores half h of a tile by its code dots, sums + constant. Returns the items whose upper bound reaches the threshold,
// bit 0 = item 0 of the half, and writes the scores to `approx`.
inline uint32_t Score(const ScanInput& in, HalfSums sums, int32_t constant, uint32_t tile, uint32_t h, float threshold,
                      float* approx) {
  const size_t item = static_cast<size_t>(tile) * kTileItems + h * kHalfItems;
  const float* bounds = in.bounds + item / kBlockItems * 2;
  const __m256 limit = _mm256_set1_ps(threshold), query_scale = _mm256_set1_ps(in.query_scale);
  const __m256i addend = _mm256_set1_epi32(constant);
  uint32_t mask = 0;
  for (uint32_t e = 0; e < 4; ++e) {
    const float* bound = bounds + e / 2 * 2;
    const float width = in.residual_weight * bound[0] + in.code_weight * bound[1] + in.slack;
    const __m256 dot = _mm256_cvtepi32_ps(_mm256_add_epi32(sums.e[e], addend));
    __m256 score = _mm256_mul_ps(_mm256_mul_ps(dot, _mm256_loadu_ps(in.scales + item + e * 8)), query_scale);
    if (in.prior != nullptr) {
      const __m256 prior = _mm256_loadu_ps(in.prior + item + e * 8);
      score = _mm256_add_ps(score, _mm256_mul_ps(_mm256_set1_ps(in.prior_weight), prior));
    }
    _mm256_store_ps(approx + e * 8, score);
    const __m256 reached = _mm256_cmp_ps(_mm256_add_ps(score, _mm256_set1_ps(width)), limit, _CMP_GE_OQ);
    mask |= static_cast<uint32_t>(_mm256_movemask_ps(reached)) << (e * 8);
  }
  return mask;
}

uint32_t ScanUntilHit(const ScanInput& in, uint32_t tile, uint32_t end, float threshold, TileHits* hits) {
  const int32_t bias = -128 * in.query_code_sum;
  const int32_t most = 15 * in.query_positive_sum + bias;
  const size_t half_bytes = static_cast<size_t>(in.d4) * kGroupBytes;
  const size_t plane_bytes = in.n_tiles * 2 * half_bytes;
  for (; tile < end; ++tile) {
    uint64_t admissible = ~uint64_t{0};
    if (in.allowed != nullptr) admissible = in.allowed[tile];
    const uint32_t left = in.n_items - tile * kTileItems;
    if (left < kTileItems) admissible &= (uint64_t{1} << left) - 1;
    if (admissible == 0) continue;

    uint64_t mask = 0;
    for (uint32_t h = 0; h < 2; ++h) {
      const uint8_t* codes = in.codes + (static_cast<size_t>(tile) * 2 + h) * half_bytes;
      float* approx = hits->approx + h * kHalfItems;
      const uint32_t allowed = static_cast<uint32_t>(admissible >> (h * kHalfItems));
      HalfSums sums = SumPlane(codes, in.query, in.d4);
      for (__m256i& sum : sums.e) sum = _mm256_slli_epi32(sum, 4);
      if (in.coarse_first && (Score(in, sums, most, tile, h, threshold, approx) & allowed) == 0) continue;
      const HalfSums low = SumPlane(codes + plane_bytes, in.query, in.d4);
      for (uint32_t e = 0; e < 4; ++e) sums.e[e] = _mm256_add_epi32(sums.e[e], low.e[e]);
      mask |= static_cast<uint64_t>(Score(in, sums, bias, tile, h, threshold, approx) & allowed) << (h * kHalfItems);
    }
    if (mask != 0) {
      hits->mask = mask;
      return tile;
    }
  }
  return end;
}

// Lanes 0…n−1 set, for n in 0…8.
inline __m256i LaneMask(size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)), lane);
}

inline float DotInline(const float* a, const float* b, size_t d) {
  __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
  size_t j = 0;
  for (; j + 16 <= d; j += 16) {
    low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_loadu_ps(a + j), _mm256_loadu_ps(b + j)));
    high = _mm256_add_ps(high, _mm256_mul_ps(_mm256_loadu_ps(a + j + 8), _mm256_loadu_ps(b + j + 8)));
  }
  const size_t tail = d - j;
  if (tail > 0) {
    const __m256i mask = LaneMask(tail < 8 ? tail : 8);
    low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_maskload_ps(a + j, mask), _mm256_maskload_ps(b + j, mask)));
    if (tail > 8) {
      const __m256i rest = LaneMask(tail - 8);
      high =
          _mm256_add_ps(high, _mm256_mul_ps(_mm256_maskload_ps(a + j + 8, rest), _mm256_maskload_ps(b + j + 8, rest)));
    }
  }
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

float Dot(const float* a, const float* b, size_t d) { return DotInline(a, b, d); }

inline void PrefetchRow(const float* row, size_t d) {
  for (size_t j = 0; j < d; j += 16) _mm_prefetch(reinterpret_cast<const char*>(row + j), _MM_HINT_T0);
}

inline size_t RowsAhead(size_t d) {
  const size_t rows = kPrefetchLines * 16 / (d == 0 ? 1 : d);
  return rows < 2 ? 2 : rows > 16 ? 16 : rows;
}

void DotRows(const float* query, const float* items, const uint32_t* rows, size_t n, size_t d, float* out) {
  const size_t ahead = RowsAhead(d);
  for (size_t i = 0; i < n && i < ahead; ++i) PrefetchRow(items + rows[i] * d, d);
  for (size_t i = 0; i < n; ++i) {
    if (i + ahead < n) PrefetchRow(items + rows[i + ahead] * d, d);
    out[i] = DotInline(query, items + rows[i] * d, d);
  }
}

void DotAll(const float* query, const float* items, size_t n, size_t d, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = DotInline(query, items + i * d, d);
}

}  // namespace

constinit const KernelTable kAvx2Kernels = {"avx2", ScanUntilHit, Dot, DotRows, DotAll};

}  // namespace kindred
