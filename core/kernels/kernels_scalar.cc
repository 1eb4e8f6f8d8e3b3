// The oracle: what every other implementation must equal, written to be read. Compiled for the baseline.
#include "core/kernels/kernel_tables.h"

namespace kindred {
namespace {

constexpr int32_t kCodeBias = 128;
constexpr size_t kGroupBytes = kHalfItems * 2;  // a half tile's nibbles of 4 dims in one plane
constexpr uint32_t kLanes = 16;

void ScoreTile(const ScanInput& in, uint32_t tile, float* approx) {
  int32_t sums[kTileItems] = {};
  const size_t half_bytes = static_cast<size_t>(in.d4) * kGroupBytes;
  const uint8_t* high_plane = in.codes + tile * 2 * half_bytes;
  const uint8_t* low_plane = high_plane + in.n_tiles * 2 * half_bytes;
  for (uint32_t i = 0; i < kTileItems; ++i) {
    const size_t first = i / kHalfItems * half_bytes + i % kBlockItems * 4;
    const uint32_t shift = i / kBlockItems % 2 * 4;
    for (uint32_t g = 0; g < in.d4; ++g) {
      for (uint32_t j = 0; j < 4; ++j) {
        const size_t byte = first + g * kGroupBytes + j;
        const int32_t code = (high_plane[byte] >> shift & 15) << 4 | (low_plane[byte] >> shift & 15);
        sums[i] += (code - kCodeBias) * in.query[g * 4 + j];
      }
    }
  }
  const float* scales = in.scales + static_cast<size_t>(tile) * kTileItems;
  const float* prior = in.prior == nullptr ? nullptr : in.prior + static_cast<size_t>(tile) * kTileItems;
  for (uint32_t i = 0; i < kTileItems; ++i) {
    approx[i] = static_cast<float>(sums[i]) * scales[i] * in.query_scale;
    if (prior != nullptr) approx[i] = approx[i] + in.prior_weight * prior[i];
  }
}

uint32_t ScanUntilHit(const ScanInput& in, uint32_t tile, uint32_t end, float threshold, TileHits* hits) {
  for (; tile < end; ++tile) {
    uint64_t admissible = ~uint64_t{0};
    if (in.allowed != nullptr) admissible = in.allowed[tile];
    const uint32_t left = in.n_items - tile * kTileItems;
    if (left < kTileItems) admissible &= (uint64_t{1} << left) - 1;
    if (admissible == 0) continue;
    ScoreTile(in, tile, hits->approx);
    uint64_t mask = 0;
    for (uint32_t i = 0; i < kTileItems; ++i) {
      const float* bound = in.bounds + (static_cast<size_t>(tile) * kTileBlocks + i / kBlockItems) * 2;
      const float width = in.residual_weight * bound[0] + in.code_weight * bound[1] + in.slack;
      if (hits->approx[i] + width >= threshold) mask |= uint64_t{1} << i;
    }
    mask &= admissible;
    if (mask != 0) {
      hits->mask = mask;
      return tile;
    }
  }
  return end;
}

float Dot(const float* a, const float* b, size_t d) {
  float sums[kLanes] = {};
  size_t j = 0;
  for (; j + kLanes <= d; j += kLanes) {
    for (uint32_t l = 0; l < kLanes; ++l) sums[l] = sums[l] + a[j + l] * b[j + l];
  }
  for (uint32_t l = 0; j + l < d; ++l) sums[l] = sums[l] + a[j + l] * b[j + l];
  for (uint32_t width = kLanes / 2; width > 0; width /= 2) {
    for (uint32_t l = 0; l < width; ++l) sums[l] = sums[l] + sums[l + width];
  }
  return sums[0];
}

void DotRows(const float* query, const float* items, const uint32_t* rows, size_t n, size_t d, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = Dot(query, items + rows[i] * d, d);
}

void DotAll(const float* query, const float* items, size_t n, size_t d, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = Dot(query, items + i * d, d);
}

}  // namespace

constinit const KernelTable kScalarKernels = {"scalar", ScanUntilHit, Dot, DotRows, DotAll};

}  // namespace kindred
