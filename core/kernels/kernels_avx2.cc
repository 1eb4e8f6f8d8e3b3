// AVX2: 8 items × 4 dims a register. Compiled with -mavx2; nothing but intrinsics and plain pointers may appear here,
// lest the linker keep an inline function of this file for callers on CPUs without AVX2.
#include <immintrin.h>

#include "core/kernels/kernel_tables.h"

namespace kindred {
namespace {

constexpr size_t kGroupBytes = kTileItems * 4;
// How far ahead of the codes being multiplied to ask for the next: a tile of 64 dims is one page, and the hardware
// prefetcher stops at its end.
constexpr size_t kPrefetchBytes = 4096;
constexpr size_t kPrefetchRows = 4;

// A code is u8 and a query code s8; vpmaddubsw on them would saturate (255·127·2 > 32767). |query| · (code with the
// query's sign) is the same product within 127·127·2 = 32258.
inline __m256i MultiplyAdd(__m256i sum, const uint8_t* codes, __m256i query, __m256i query_abs) {
  const __m256i biased = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  const __m256i code = _mm256_xor_si256(biased, _mm256_set1_epi8(-128));
  const __m256i pairs = _mm256_maddubs_epi16(query_abs, _mm256_sign_epi8(code, query));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// Scores 8 items and returns the mask of those whose upper bound reaches the threshold.
inline uint32_t Finish(const ScanInput& in, __m256i sum, size_t item, __m256 width, __m256 threshold, float* approx) {
  __m256 score = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(in.scales + item));
  score = _mm256_mul_ps(score, _mm256_set1_ps(in.query_scale));
  if (in.prior != nullptr) {
    score = _mm256_add_ps(score, _mm256_mul_ps(_mm256_set1_ps(in.prior_weight), _mm256_loadu_ps(in.prior + item)));
  }
  _mm256_store_ps(approx, score);
  const __m256 hit = _mm256_cmp_ps(_mm256_add_ps(score, width), threshold, _CMP_GE_OQ);
  return static_cast<uint32_t>(_mm256_movemask_ps(hit));
}

uint32_t ScanUntilHit(const ScanInput& in, uint32_t tile, float threshold, TileHits* hits) {
  const __m256 limit = _mm256_set1_ps(threshold);
  for (; tile < in.n_tiles; ++tile) {
    uint64_t admissible = ~uint64_t{0};
    if (in.allowed != nullptr) admissible = in.allowed[tile];
    const uint32_t left = in.n_items - tile * kTileItems;
    if (left < kTileItems) admissible &= (uint64_t{1} << left) - 1;
    if (admissible == 0) continue;

    const uint8_t* codes = in.codes + static_cast<size_t>(tile) * in.d4 * kGroupBytes;
    __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
    for (uint32_t g = 0; g < in.d4; ++g, codes += kGroupBytes) {
      int32_t four;
      __builtin_memcpy(&four, in.query + g * 4, 4);
      const __m256i query = _mm256_set1_epi32(four);
      const __m256i query_abs = _mm256_abs_epi8(query);
      const char* ahead = reinterpret_cast<const char*>(codes) + kPrefetchBytes;
      _mm_prefetch(ahead, _MM_HINT_T0);
      _mm_prefetch(ahead + 64, _MM_HINT_T0);
      _mm_prefetch(ahead + 128, _MM_HINT_T0);
      _mm_prefetch(ahead + 192, _MM_HINT_T0);
      s0 = MultiplyAdd(s0, codes, query, query_abs);
      s1 = MultiplyAdd(s1, codes + 32, query, query_abs);
      s2 = MultiplyAdd(s2, codes + 64, query, query_abs);
      s3 = MultiplyAdd(s3, codes + 96, query, query_abs);
      s4 = MultiplyAdd(s4, codes + 128, query, query_abs);
      s5 = MultiplyAdd(s5, codes + 160, query, query_abs);
      s6 = MultiplyAdd(s6, codes + 192, query, query_abs);
      s7 = MultiplyAdd(s7, codes + 224, query, query_abs);
    }

    const float* bounds = in.bounds + static_cast<size_t>(tile) * kTileBlocks * 2;
    __m256 width[kTileBlocks];
    for (uint32_t b = 0; b < kTileBlocks; ++b) {
      width[b] = _mm256_set1_ps(in.residual_weight * bounds[2 * b] + in.code_weight * bounds[2 * b + 1] + in.slack);
    }
    const size_t item = static_cast<size_t>(tile) * kTileItems;
    float* approx = hits->approx;
    uint64_t mask = Finish(in, s0, item, width[0], limit, approx);
    mask |= static_cast<uint64_t>(Finish(in, s1, item + 8, width[0], limit, approx + 8)) << 8;
    mask |= static_cast<uint64_t>(Finish(in, s2, item + 16, width[1], limit, approx + 16)) << 16;
    mask |= static_cast<uint64_t>(Finish(in, s3, item + 24, width[1], limit, approx + 24)) << 24;
    mask |= static_cast<uint64_t>(Finish(in, s4, item + 32, width[2], limit, approx + 32)) << 32;
    mask |= static_cast<uint64_t>(Finish(in, s5, item + 40, width[2], limit, approx + 40)) << 40;
    mask |= static_cast<uint64_t>(Finish(in, s6, item + 48, width[3], limit, approx + 48)) << 48;
    mask |= static_cast<uint64_t>(Finish(in, s7, item + 56, width[3], limit, approx + 56)) << 56;
    mask &= admissible;
    if (mask != 0) {
      hits->mask = mask;
      return tile;
    }
  }
  return in.n_tiles;
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

void DotRows(const float* query, const float* items, const uint32_t* rows, size_t n, size_t d, float* out) {
  for (size_t i = 0; i < n; ++i) {
    if (i + kPrefetchRows < n) {
      const float* next = items + rows[i + kPrefetchRows] * d;
      for (size_t j = 0; j < d; j += 16) _mm_prefetch(reinterpret_cast<const char*>(next + j), _MM_HINT_T0);
    }
    out[i] = DotInline(query, items + rows[i] * d, d);
  }
}

void DotAll(const float* query, const float* items, size_t n, size_t d, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = DotInline(query, items + i * d, d);
}

}  // namespace

constinit const KernelTable kAvx2Kernels = {"avx2", ScanUntilHit, Dot, DotRows, DotAll};

}  // namespace kindred
