// AVX-512 VNNI: 16 items × 4 dims a register, one vpdpbusd each. Compiled with AVX-512 flags; nothing but intrinsics
// and plain pointers may appear here, lest the linker keep an inline function of this file for callers on lesser CPUs.
#include <immintrin.h>

#include "core/kernels/kernel_tables.h"

namespace kindred {
namespace {

constexpr size_t kGroupBytes = kTileItems * 4;
// How far ahead of the codes being multiplied to ask for the next: a tile of 64 dims is one page, and the hardware
// prefetcher stops at its end.
constexpr size_t kPrefetchBytes = 4096;
constexpr size_t kPrefetchRows = 4;

inline __m512i LoadCodes(const uint8_t* codes) { return _mm512_loadu_si512(codes); }

inline __m512i BroadcastQuery(const int8_t* query) {
  int32_t four;
  __builtin_memcpy(&four, query, 4);
  return _mm512_set1_epi32(four);
}

// The approximate scores of one block.
template <bool kPrior>
inline __m512 Approx(const ScanInput& in, __m512i sum, size_t item, __m512 query_scale, __m512 prior_weight) {
  __m512 score = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(in.scales + item)), query_scale);
  if (kPrior) score = _mm512_add_ps(score, _mm512_mul_ps(prior_weight, _mm512_loadu_ps(in.prior + item)));
  return score;
}

template <bool kPrior, bool kAllowed>
uint32_t Scan(const ScanInput& in, uint32_t tile, float threshold, TileHits* hits) {
  const __m512 limit = _mm512_set1_ps(threshold);
  const __m512 query_scale = _mm512_set1_ps(in.query_scale);
  const __m512 prior_weight = _mm512_set1_ps(in.prior_weight);
  const __m512i bias = _mm512_set1_epi32(-128 * in.query_code_sum);
  const __m512i zero = _mm512_setzero_si512();
  // Block b's pair of bounds to where its width is computed: 4 widths in 4 lanes.
  const __m128 residual_weight = _mm_set1_ps(in.residual_weight);
  const __m128 code_weight = _mm_set1_ps(in.code_weight);
  const __m128 slack = _mm_set1_ps(in.slack);
  const uint32_t d4 = in.d4;
  const uint32_t n_tiles = in.n_tiles;
  const int8_t* query = in.query;

  for (; tile < n_tiles; ++tile) {
    uint64_t admissible = ~uint64_t{0};
    if (kAllowed) admissible = in.allowed[tile];
    const uint32_t left = in.n_items - tile * kTileItems;
    if (left < kTileItems) admissible &= (uint64_t{1} << left) - 1;
    if (kAllowed && admissible == 0) continue;

    const uint8_t* codes = in.codes + static_cast<size_t>(tile) * d4 * kGroupBytes;
    // Two sets of sums, for even and odd groups, so that vpdpbusd's latency does not bound the loop.
    __m512i a0 = bias, a1 = bias, a2 = bias, a3 = bias;
    __m512i b0 = zero, b1 = zero, b2 = zero, b3 = zero;
    uint32_t g = 0;
    for (; g + 2 <= d4; g += 2, codes += 2 * kGroupBytes) {
      const __m512i even = BroadcastQuery(query + g * 4);
      const __m512i odd = BroadcastQuery(query + g * 4 + 4);
      const char* ahead = reinterpret_cast<const char*>(codes) + kPrefetchBytes;
      for (size_t line = 0; line < 2 * kGroupBytes; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T0);
      a0 = _mm512_dpbusd_epi32(a0, LoadCodes(codes), even);
      a1 = _mm512_dpbusd_epi32(a1, LoadCodes(codes + 64), even);
      a2 = _mm512_dpbusd_epi32(a2, LoadCodes(codes + 128), even);
      a3 = _mm512_dpbusd_epi32(a3, LoadCodes(codes + 192), even);
      b0 = _mm512_dpbusd_epi32(b0, LoadCodes(codes + 256), odd);
      b1 = _mm512_dpbusd_epi32(b1, LoadCodes(codes + 320), odd);
      b2 = _mm512_dpbusd_epi32(b2, LoadCodes(codes + 384), odd);
      b3 = _mm512_dpbusd_epi32(b3, LoadCodes(codes + 448), odd);
    }
    if (g < d4) {
      const __m512i last = BroadcastQuery(query + g * 4);
      a0 = _mm512_dpbusd_epi32(a0, LoadCodes(codes), last);
      a1 = _mm512_dpbusd_epi32(a1, LoadCodes(codes + 64), last);
      a2 = _mm512_dpbusd_epi32(a2, LoadCodes(codes + 128), last);
      a3 = _mm512_dpbusd_epi32(a3, LoadCodes(codes + 192), last);
    }

    const float* bounds = in.bounds + static_cast<size_t>(tile) * kTileBlocks * 2;
    const __m128 bounds01 = _mm_loadu_ps(bounds), bounds23 = _mm_loadu_ps(bounds + 4);
    const __m128 residuals = _mm_shuffle_ps(bounds01, bounds23, _MM_SHUFFLE(2, 0, 2, 0));
    const __m128 code_norms = _mm_shuffle_ps(bounds01, bounds23, _MM_SHUFFLE(3, 1, 3, 1));
    const __m128 widths =
        _mm_add_ps(_mm_add_ps(_mm_mul_ps(residual_weight, residuals), _mm_mul_ps(code_weight, code_norms)), slack);
    const __m512 width0 = _mm512_broadcastss_ps(widths);
    const __m512 width1 = _mm512_broadcastss_ps(_mm_permute_ps(widths, 0x55));
    const __m512 width2 = _mm512_broadcastss_ps(_mm_permute_ps(widths, 0xAA));
    const __m512 width3 = _mm512_broadcastss_ps(_mm_permute_ps(widths, 0xFF));

    const size_t item = static_cast<size_t>(tile) * kTileItems;
    const __m512 s0 = Approx<kPrior>(in, _mm512_add_epi32(a0, b0), item, query_scale, prior_weight);
    const __m512 s1 = Approx<kPrior>(in, _mm512_add_epi32(a1, b1), item + 16, query_scale, prior_weight);
    const __m512 s2 = Approx<kPrior>(in, _mm512_add_epi32(a2, b2), item + 32, query_scale, prior_weight);
    const __m512 s3 = Approx<kPrior>(in, _mm512_add_epi32(a3, b3), item + 48, query_scale, prior_weight);
    const __mmask16 m0 = _mm512_cmp_ps_mask(_mm512_add_ps(s0, width0), limit, _CMP_GE_OQ);
    const __mmask16 m1 = _mm512_cmp_ps_mask(_mm512_add_ps(s1, width1), limit, _CMP_GE_OQ);
    const __mmask16 m2 = _mm512_cmp_ps_mask(_mm512_add_ps(s2, width2), limit, _CMP_GE_OQ);
    const __mmask16 m3 = _mm512_cmp_ps_mask(_mm512_add_ps(s3, width3), limit, _CMP_GE_OQ);
    const __mmask64 low = _mm512_kunpackd(_mm512_kunpackw(m3, m2), _mm512_kunpackw(m1, m0));
    const uint64_t mask = _cvtmask64_u64(low) & admissible;
    if (__builtin_expect(mask != 0, 0)) {
      hits->mask = mask;
      _mm512_store_ps(hits->approx, s0);
      _mm512_store_ps(hits->approx + 16, s1);
      _mm512_store_ps(hits->approx + 32, s2);
      _mm512_store_ps(hits->approx + 48, s3);
      return tile;
    }
  }
  return n_tiles;
}

uint32_t ScanUntilHit(const ScanInput& in, uint32_t tile, float threshold, TileHits* hits) {
  if (in.prior != nullptr) {
    return in.allowed != nullptr ? Scan<true, true>(in, tile, threshold, hits)
                                 : Scan<true, false>(in, tile, threshold, hits);
  }
  return in.allowed != nullptr ? Scan<false, true>(in, tile, threshold, hits)
                               : Scan<false, false>(in, tile, threshold, hits);
}

inline float DotInline(const float* a, const float* b, size_t d) {
  __m512 sums = _mm512_setzero_ps();
  size_t j = 0;
  for (; j + 16 <= d; j += 16) {
    sums = _mm512_add_ps(sums, _mm512_mul_ps(_mm512_loadu_ps(a + j), _mm512_loadu_ps(b + j)));
  }
  if (j < d) {
    const __mmask16 tail = static_cast<__mmask16>((1u << (d - j)) - 1);
    sums = _mm512_add_ps(sums, _mm512_mul_ps(_mm512_maskz_loadu_ps(tail, a + j), _mm512_maskz_loadu_ps(tail, b + j)));
  }
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sums), _mm512_extractf32x8_ps(sums, 1));
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

constinit const KernelTable kAvx512VnniKernels = {"avx512_vnni", ScanUntilHit, Dot, DotRows, DotAll};

}  // namespace kindred
