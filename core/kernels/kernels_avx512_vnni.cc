// AVX-512 VNNI: the nibbles of 32 items × 4 dims a register, two vpdpbusd each. Compiled with AVX-512 flags; nothing
// but intrinsics and plain pointers may appear here, lest the linker keep an inline function of this file for callers
// on lesser CPUs.
#include <immintrin.h>

#include "core/kernels/kernel_tables.h"

namespace kindred {
namespace {

constexpr size_t kGroupBytes = kHalfItems * 2;  // a half tile's nibbles of 4 dims in one plane: one register
// How far ahead of the codes being multiplied to ask for the next, and where to: the hardware prefetcher stops at the
// end of a page, and a core waits for more lines at once in L2 than in L1. On Zen 4 1,000,000 × 64 take 3.4 ms with
// 2,048 bytes ahead into L1, 2.9 into L2, and 2.4 with 8,192 into L2; 100,000 × 64, which lie in L3, 120, 124 and 124
// µs.
constexpr size_t kPrefetchBytes = 8192;
// Lines of f32 rows asked for ahead of the row being multiplied: about what a core can wait for at once.
constexpr size_t kPrefetchLines = 32;

inline __m512i BroadcastQuery(const int8_t* query) {
  int32_t four;
  __builtin_memcpy(&four, query, 4);
  return _mm512_set1_epi32(four);
}

// Sums over dims of nibble × query code, for half a tile in one plane. `both` takes whole bytes, low + 16·high, and
// `low` the low nibbles, so that one AND a register is enough; `both` − `low` is 16 times the sum of the high nibbles.
struct NibbleSums {
  __m512i both, low;
};

inline NibbleSums Zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }

inline NibbleSums MultiplyAdd(NibbleSums sums, const uint8_t* codes, __m512i query) {
  const __m512i bytes = _mm512_loadu_si512(codes);
  const __m512i low = _mm512_and_si512(bytes, _mm512_set1_epi8(15));
  return {_mm512_dpbusd_epi32(sums.both, bytes, query), _mm512_dpbusd_epi32(sums.low, low, query)};
}

// The code dots, or a share of them, of the two blocks of half a tile.
struct HalfSums {
  __m512i b0, b1;
};

inline HalfSums Add(HalfSums a, HalfSums b) { return {_mm512_add_epi32(a.b0, b.b0), _mm512_add_epi32(a.b1, b.b1)}; }

inline HalfSums Add(HalfSums a, __m512i constant) {
  return {_mm512_add_epi32(a.b0, constant), _mm512_add_epi32(a.b1, constant)};
}

// What plane 0 adds to the code dots: 16 times its nibbles.
inline HalfSums HighShare(NibbleSums sums) {
  return {_mm512_slli_epi32(sums.low, 4), _mm512_sub_epi32(sums.both, sums.low)};
}

// What plane 1 adds: its nibbles as they are.
inline HalfSums LowShare(NibbleSums sums) {
  return {sums.low, _mm512_srai_epi32(_mm512_sub_epi32(sums.both, sums.low), 4)};
}

// The sums of a tile in plane 0, both halves at once.
inline void SumHighPlane(const uint8_t* codes, const int8_t* query, uint32_t d4, HalfSums* high0, HalfSums* high1) {
  NibbleSums sums0 = Zero(), sums1 = Zero();
  const uint8_t* second = codes + static_cast<size_t>(d4) * kGroupBytes;
  for (uint32_t g = 0; g < d4; ++g) {
    const __m512i four = BroadcastQuery(query + g * 4);
    _mm_prefetch(reinterpret_cast<const char*>(codes) + kPrefetchBytes, _MM_HINT_T1);
    _mm_prefetch(reinterpret_cast<const char*>(second) + kPrefetchBytes, _MM_HINT_T1);
    sums0 = MultiplyAdd(sums0, codes, four);
    sums1 = MultiplyAdd(sums1, second, four);
    codes += kGroupBytes;
    second += kGroupBytes;
  }
  *high0 = HighShare(sums0);
  *high1 = HighShare(sums1);
}

// The sums of half a tile in plane 1. Even and odd groups add to registers of their own: two chains of additions would
// not keep the multipliers busy.
inline HalfSums SumLowPlane(const uint8_t* codes, const int8_t* query, uint32_t d4) {
  NibbleSums even = Zero(), odd = Zero();
  uint32_t g = 0;
  for (; g + 2 <= d4; g += 2, codes += 2 * kGroupBytes) {
    even = MultiplyAdd(even, codes, BroadcastQuery(query + g * 4));
    odd = MultiplyAdd(odd, codes + kGroupBytes, BroadcastQuery(query + g * 4 + 4));
  }
  if (g < d4) even = MultiplyAdd(even, codes, BroadcastQuery(query + g * 4));
  return Add(LowShare(even), LowShare(odd));
}

// The code dots of a tile, both planes and both halves at once, without the bias.
inline void SumBothPlanes(const uint8_t* high_plane, const uint8_t* low_plane, const int8_t* query, uint32_t d4,
                          HalfSums* first, HalfSums* second) {
  NibbleSums high0 = Zero(), high1 = Zero(), low0 = Zero(), low1 = Zero();
  const size_t half_bytes = static_cast<size_t>(d4) * kGroupBytes;
  for (uint32_t g = 0; g < d4; ++g, high_plane += kGroupBytes, low_plane += kGroupBytes) {
    const __m512i four = BroadcastQuery(query + g * 4);
    high0 = MultiplyAdd(high0, high_plane, four);
    low0 = MultiplyAdd(low0, low_plane, four);
    high1 = MultiplyAdd(high1, high_plane + half_bytes, four);
    low1 = MultiplyAdd(low1, low_plane + half_bytes, four);
  }
  *first = Add(HighShare(high0), LowShare(low0));
  *second = Add(HighShare(high1), LowShare(low1));
}

// What stays the same during a scan.
template <bool kPrior>
class Scorer {
 public:
  Scorer(const ScanInput& in, float threshold)
      : in_(in),
        query_scale_(_mm512_set1_ps(in.query_scale)),
        prior_weight_(_mm512_set1_ps(in.prior_weight)),
        threshold_(_mm512_set1_ps(threshold)) {}

  // Scores half h of a tile by its code dots. Returns the items whose upper bound reaches the threshold, bit 0 = item 0
  // of the half; `approx` gets the scores unless it is nullptr.
  uint32_t Score(HalfSums dots, uint32_t tile, uint32_t h, float* approx) const {
    const size_t item = static_cast<size_t>(tile) * kTileItems + h * kHalfItems;
    const __m512 score0 = Approx(dots.b0, item), score1 = Approx(dots.b1, item + kBlockItems);
    if (approx != nullptr) {
      _mm512_store_ps(approx, score0);
      _mm512_store_ps(approx + kBlockItems, score1);
    }
    const float* bounds = in_.bounds + item / kBlockItems * 2;
    const __mmask16 reached0 = _mm512_cmp_ps_mask(_mm512_add_ps(score0, Width(bounds)), threshold_, _CMP_GE_OQ);
    const __mmask16 reached1 = _mm512_cmp_ps_mask(_mm512_add_ps(score1, Width(bounds + 2)), threshold_, _CMP_GE_OQ);
    return _cvtmask32_u32(_mm512_kunpackw(reached1, reached0));
  }

 private:
  __m512 Approx(__m512i dot, size_t item) const {
    const __m512 scales = _mm512_loadu_ps(in_.scales + item);
    __m512 score = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(dot), scales), query_scale_);
    if (kPrior) score = _mm512_add_ps(score, _mm512_mul_ps(prior_weight_, _mm512_loadu_ps(in_.prior + item)));
    return score;
  }

  __m512 Width(const float* bounds) const {
    return _mm512_set1_ps(in_.residual_weight * bounds[0] + in_.code_weight * bounds[1] + in_.slack);
  }

  const ScanInput& in_;
  const __m512 query_scale_, prior_weight_, threshold_;
};

// The items of a tile that may hit.
inline uint64_t Admissible(const ScanInput& in, uint32_t tile) {
  uint64_t mask = in.allowed == nullptr ? ~uint64_t{0} : in.allowed[tile];
  const uint32_t left = in.n_items - tile * kTileItems;
  if (left < kTileItems) mask &= (uint64_t{1} << left) - 1;
  return mask;
}

template <bool kPrior>
uint32_t ScanBothPlanes(const ScanInput& in, uint32_t tile, uint32_t end, float threshold, TileHits* hits) {
  const Scorer<kPrior> scorer(in, threshold);
  const __m512i bias = _mm512_set1_epi32(-128 * in.query_code_sum);
  const size_t half_bytes = static_cast<size_t>(in.d4) * kGroupBytes;
  const size_t plane_bytes = in.n_tiles * 2 * half_bytes;
  for (; tile < end; ++tile) {
    const uint64_t admissible = Admissible(in, tile);
    if (admissible == 0) continue;
    const uint8_t* codes = in.codes + tile * 2 * half_bytes;
    HalfSums first, second;
    SumBothPlanes(codes, codes + plane_bytes, in.query, in.d4, &first, &second);
    uint64_t mask = scorer.Score(Add(first, bias), tile, 0, hits->approx);
    mask |= static_cast<uint64_t>(scorer.Score(Add(second, bias), tile, 1, hits->approx + kHalfItems)) << kHalfItems;
    mask &= admissible;
    if (mask != 0) {
      hits->mask = mask;
      return tile;
    }
  }
  return end;
}

// A tile that plane 0 could not rule out.
struct Pending {
  uint32_t tile;
  uint64_t mask;  // items that may hit; 0 = nothing is pending
  HalfSums high[2];
};

template <bool kPrior>
inline bool Refine(const ScanInput& in, const Scorer<kPrior>& scorer, const Pending& pending, TileHits* hits) {
  const __m512i bias = _mm512_set1_epi32(-128 * in.query_code_sum);
  const size_t half_bytes = static_cast<size_t>(in.d4) * kGroupBytes;
  const uint8_t* codes = in.codes + (static_cast<size_t>(in.n_tiles) + pending.tile) * 2 * half_bytes;
  uint64_t mask = 0;
  for (uint32_t h = 0; h < 2; ++h, codes += half_bytes) {
    if (static_cast<uint32_t>(pending.mask >> (h * kHalfItems)) == 0) continue;
    const HalfSums dots = Add(Add(pending.high[h], bias), SumLowPlane(codes, in.query, in.d4));
    const uint64_t reached = scorer.Score(dots, pending.tile, h, hits->approx + h * kHalfItems);
    mask |= reached << (h * kHalfItems);
  }
  hits->mask = mask & pending.mask;
  return hits->mask != 0;
}

// Plane 0 of every tile, and plane 1 of the halves that it cannot rule out. Those are asked for when they are found and
// read a tile later, so that the wait for them passes with work.
template <bool kPrior>
uint32_t ScanHighPlane(const ScanInput& in, uint32_t tile, uint32_t end, float threshold, TileHits* hits) {
  const Scorer<kPrior> scorer(in, threshold);
  const __m512i most = _mm512_set1_epi32(15 * in.query_positive_sum - 128 * in.query_code_sum);
  const size_t half_bytes = static_cast<size_t>(in.d4) * kGroupBytes;
  const size_t plane_bytes = in.n_tiles * 2 * half_bytes;
  Pending pending;
  pending.mask = 0;
  for (; tile < end; ++tile) {
    const uint64_t admissible = Admissible(in, tile);
    if (admissible == 0) continue;
    const uint8_t* codes = in.codes + tile * 2 * half_bytes;
    HalfSums high0, high1;
    SumHighPlane(codes, in.query, in.d4, &high0, &high1);
    uint64_t mask = scorer.Score(Add(high0, most), tile, 0, nullptr);
    mask |= static_cast<uint64_t>(scorer.Score(Add(high1, most), tile, 1, nullptr)) << kHalfItems;
    mask &= admissible;
    if (__builtin_expect(mask != 0, 0)) {
      for (uint32_t h = 0; h < 2; ++h) {
        if (static_cast<uint32_t>(mask >> (h * kHalfItems)) == 0) continue;
        const char* low = reinterpret_cast<const char*>(codes) + plane_bytes + h * half_bytes;
        for (size_t line = 0; line < half_bytes; line += 64) _mm_prefetch(low + line, _MM_HINT_T0);
      }
    }
    if (__builtin_expect(pending.mask != 0, 0)) {
      if (Refine(in, scorer, pending, hits)) return pending.tile;
      pending.mask = 0;
    }
    if (__builtin_expect(mask != 0, 0)) pending = {tile, mask, {high0, high1}};
  }
  if (pending.mask != 0 && Refine(in, scorer, pending, hits)) return pending.tile;
  return end;
}

uint32_t ScanUntilHit(const ScanInput& in, uint32_t tile, uint32_t end, float threshold, TileHits* hits) {
  if (in.prior != nullptr) {
    return in.coarse_first ? ScanHighPlane<true>(in, tile, end, threshold, hits)
                           : ScanBothPlanes<true>(in, tile, end, threshold, hits);
  }
  return in.coarse_first ? ScanHighPlane<false>(in, tile, end, threshold, hits)
                         : ScanBothPlanes<false>(in, tile, end, threshold, hits);
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

constinit const KernelTable kAvx512VnniKernels = {"avx512_vnni", ScanUntilHit, Dot, DotRows, DotAll};

}  // namespace kindred
