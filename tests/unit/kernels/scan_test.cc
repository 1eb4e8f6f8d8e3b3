// The quantized scan of every ISA against its definition, hit for hit and bit for bit.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "gtest/gtest.h"
#include "tests/unit/kernels/guarded_array.h"

namespace kindred {
namespace {

class ScanTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto found = FindKernels(GetParam());
    if (!found.ok()) GTEST_SKIP() << "SKIPPED LOUDLY: " << found.status().message();
    kernels_ = *found;
    ASSERT_EQ(std::string(kernels_->name), GetParam());
  }
  const KernelTable* kernels_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(EachIsa, ScanTest, testing::Values("scalar", "avx2", "avx512_vnni"),
                         [](const auto& info) { return info.param; });

// A scan's inputs, every array ending at an unreadable page. `shift` bytes (codes, query) or floats (the rest) past
// alignment come from the arrays' odd sizes: an array that ends at a page and is 4·k+1 bytes long begins misaligned.
struct Problem {
  uint32_t n_items, d4;
  std::vector<std::vector<int>> codes;  // [n_items][d4·4]
  std::vector<int8_t> query;
  std::unique_ptr<GuardedArray<uint8_t>> code_bytes;
  std::unique_ptr<GuardedArray<float>> scales, bounds, prior;
  std::unique_ptr<GuardedArray<uint64_t>> allowed;
  std::unique_ptr<GuardedArray<int8_t>> query_bytes;
  ScanInput input;

  size_t code_bytes_size() const { return size_t{input.n_tiles} * d4 * 256; }
};

enum class Codes { kRandom, kAllHigh, kAllLow, kAlternating, kOpposed };

Problem MakeProblem(uint32_t n_items, uint32_t d4, Codes kind, bool with_prior, bool with_bitmap,
                    std::mt19937_64& rng) {
  Problem p;
  p.n_items = n_items;
  p.d4 = d4;
  const uint32_t n_tiles = (n_items + 63) / 64;
  std::normal_distribution<float> normal;
  p.query.resize(d4 * 4);
  for (size_t j = 0; j < p.query.size(); ++j) {
    const int random = static_cast<int>(rng() % 255) - 127;
    p.query[j] = static_cast<int8_t>(kind == Codes::kRandom        ? random
                                     : kind == Codes::kAlternating ? (j % 2 == 0 ? 127 : -127)
                                     : kind == Codes::kAllLow      ? -127
                                                                   : 127);
  }
  p.codes.assign(n_items, std::vector<int>(d4 * 4));
  const size_t plane = size_t{n_tiles} * d4 * 128;
  std::vector<uint8_t> bytes(plane * 2);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng());  // lanes past the end may hold anything
  for (uint32_t i = 0; i < n_items; ++i) {
    for (uint32_t j = 0; j < d4 * 4; ++j) {
      const int random = static_cast<int>(rng() % 255) - 127;
      const int code = kind == Codes::kRandom        ? random
                       : kind == Codes::kAlternating ? ((i + j) % 2 == 0 ? 127 : -127)
                       : kind == Codes::kOpposed     ? -127
                       : kind == Codes::kAllLow      ? -127
                                                     : 127;
      p.codes[i][j] = code;
      const size_t at = (size_t{i} / 32 * d4 + j / 4) * 64 + i % 16 * 4 + j % 4;
      const int shift = i / 16 % 2 == 0 ? 0 : 4;
      const auto put = [shift](uint8_t& byte, int nibble) {
        byte = static_cast<uint8_t>((byte & ~(15 << shift)) | nibble << shift);
      };
      put(bytes[at], (code + 128) >> 4);
      put(bytes[plane + at], (code + 128) & 15);
    }
  }
  p.code_bytes = std::make_unique<GuardedArray<uint8_t>>(bytes.data(), bytes.size());
  p.query_bytes = std::make_unique<GuardedArray<int8_t>>(p.query.data(), p.query.size());

  std::vector<float> scales(size_t{n_tiles} * 64), prior(size_t{n_tiles} * 64), bounds(size_t{n_tiles} * 8);
  for (uint32_t i = 0; i < n_items; ++i) {
    scales[i] = std::abs(normal(rng)) * 0.01f;
    prior[i] = normal(rng);
  }
  for (float& bound : bounds) bound = std::abs(normal(rng)) * 0.1f;
  std::vector<uint64_t> allowed(n_tiles);
  for (uint64_t& word : allowed) word = rng() % 3 == 0 ? 0 : rng() | rng();
  p.scales = std::make_unique<GuardedArray<float>>(scales.data(), scales.size());
  p.prior = std::make_unique<GuardedArray<float>>(prior.data(), prior.size());
  p.bounds = std::make_unique<GuardedArray<float>>(bounds.data(), bounds.size());
  p.allowed = std::make_unique<GuardedArray<uint64_t>>(allowed.data(), allowed.size());

  p.input.codes = p.code_bytes->data();
  p.input.scales = p.scales->data();
  p.input.bounds = p.bounds->data();
  p.input.prior = with_prior ? p.prior->data() : nullptr;
  p.input.allowed = with_bitmap ? p.allowed->data() : nullptr;
  p.input.n_tiles = n_tiles;
  p.input.n_items = n_items;
  p.input.d4 = d4;
  p.input.query = p.query_bytes->data();
  for (const int8_t code : p.query) {
    p.input.query_code_sum += code;
    p.input.query_positive_sum += code > 0 ? code : 0;
  }
  p.input.query_scale = 0.013f;
  p.input.prior_weight = with_prior ? 0.37f : 0;
  p.input.residual_weight = 1.7f;
  p.input.code_weight = 0.021f;
  p.input.slack = 1e-6f;
  return p;
}

// Approximate score of an item, from the codes as integers.
float ApproxByDefinition(const Problem& p, uint32_t item) {
  int64_t sum = 0;
  for (uint32_t j = 0; j < p.d4 * 4; ++j) sum += static_cast<int64_t>(p.codes[item][j]) * p.query[j];
  volatile float score = static_cast<float>(static_cast<int32_t>(sum));
  score = score * p.input.scales[item];
  score = score * p.input.query_scale;
  if (p.input.prior != nullptr) {
    volatile float term = p.input.prior_weight * p.input.prior[item];
    score = score + term;
  }
  return score;
}

float UpperByDefinition(const Problem& p, uint32_t item) {
  const float* bound = p.input.bounds + item / 16 * 2;
  volatile float residual = p.input.residual_weight * bound[0], code = p.input.code_weight * bound[1];
  volatile float width = residual + code;
  width = width + p.input.slack;
  volatile float upper = ApproxByDefinition(p, item) + width;
  return upper;
}

bool IsHit(const Problem& p, uint32_t item, float threshold) {
  if (p.input.allowed != nullptr && (p.input.allowed[item / 64] >> (item % 64) & 1) == 0) return false;
  return UpperByDefinition(p, item) >= threshold;
}

// Scans all tiles from `tile` as a caller would, and compares each stop with the definition.
void CheckScan(const KernelTable& kernels, Problem& p, uint32_t tile, float threshold, bool coarse_first) {
  p.input.coarse_first = coarse_first;
  TileHits hits;
  for (; tile < p.input.n_tiles; ++tile) {
    uint32_t expected = tile;
    uint64_t expected_mask = 0;
    for (; expected < p.input.n_tiles; ++expected) {
      expected_mask = 0;
      for (uint32_t i = expected * 64; i < p.n_items && i < expected * 64 + 64; ++i) {
        expected_mask |= static_cast<uint64_t>(IsHit(p, i, threshold)) << (i % 64);
      }
      if (expected_mask != 0) break;
    }
    tile = kernels.scan_until_hit(p.input, tile, p.input.n_tiles, threshold, &hits);
    ASSERT_EQ(tile, expected) << p.n_items << " items, d4 " << p.d4;
    if (tile == p.input.n_tiles) return;
    ASSERT_EQ(hits.mask, expected_mask) << "tile " << tile << ", " << p.n_items << " items, d4 " << p.d4;
    for (uint32_t i = tile * 64; i < p.n_items && i < tile * 64 + 64; ++i) {
      if ((hits.mask >> (i % 64) & 1) == 0) continue;
      const float approx = ApproxByDefinition(p, i);
      ASSERT_EQ(std::bit_cast<uint32_t>(hits.approx[i % 64]), std::bit_cast<uint32_t>(approx)) << "item " << i;
    }
  }
}

// Both ways of reading the planes.
void CheckScan(const KernelTable& kernels, Problem& p, uint32_t tile, float threshold) {
  CheckScan(kernels, p, tile, threshold, true);
  if (!testing::Test::HasFatalFailure()) CheckScan(kernels, p, tile, threshold, false);
}

TEST_P(ScanTest, EqualsItsDefinition) {
  std::mt19937_64 rng(1);
  for (const uint32_t d4 : {1u, 2u, 3u, 4u, 5u, 8u, 15u, 16u, 17u, 25u, 75u}) {
    for (const uint32_t n_items : {1u, 15u, 16u, 17u, 63u, 64u, 65u, 127u, 128u, 129u, 500u}) {
      for (int flags = 0; flags < 4; ++flags) {
        Problem p = MakeProblem(n_items, d4, Codes::kRandom, (flags & 1) != 0, (flags & 2) != 0, rng);
        for (const float threshold : {-1e30f, 0.0f, 0.5f, 2.0f, 1e30f}) {
          CheckScan(*kernels_, p, 0, threshold);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(ScanTest, StartsAtAnyTile) {
  std::mt19937_64 rng(2);
  Problem p = MakeProblem(64 * 9 + 5, 6, Codes::kRandom, true, true, rng);
  for (uint32_t tile = 0; tile <= p.input.n_tiles; ++tile) {
    CheckScan(*kernels_, p, tile, 1.0f);
    if (HasFatalFailure()) return;
  }
}

// A scan that is cut anywhere and goes on there stops where one that is not cut stops.
TEST_P(ScanTest, EndsAtAnyTile) {
  std::mt19937_64 rng(9);
  for (const bool coarse_first : {false, true}) {
    Problem p = MakeProblem(64 * 11 + 5, 6, Codes::kRandom, true, true, rng);
    p.input.coarse_first = coarse_first;
    for (const float threshold : {-1e30f, 1.0f, 3.0f, 1e30f}) {
      for (uint32_t tile = 0; tile <= p.input.n_tiles; ++tile) {
        TileHits whole, part;
        const uint32_t hit = kernels_->scan_until_hit(p.input, tile, p.input.n_tiles, threshold, &whole);
        for (uint32_t end = tile; end <= p.input.n_tiles; ++end) {
          const uint32_t found = kernels_->scan_until_hit(p.input, tile, end, threshold, &part);
          ASSERT_EQ(found, std::min(hit, end)) << "tiles [" << tile << ", " << end << ")";
          if (found < end) {
            ASSERT_EQ(part.mask, whole.mask);
          }
        }
      }
    }
  }
}

TEST_P(ScanTest, ExtremeCodesDoNotSaturate) {
  std::mt19937_64 rng(3);
  for (const Codes kind : {Codes::kAllHigh, Codes::kAllLow, Codes::kAlternating, Codes::kOpposed}) {
    // The largest is the largest dimension the certificate lets through: 65,536.
    for (const uint32_t d4 : {1u, 2u, 3u, 16u, 64u, 1024u, 16384u}) {
      Problem p = MakeProblem(70, d4, kind, false, false, rng);
      CheckScan(*kernels_, p, 0, -std::numeric_limits<float>::infinity());
      if (HasFatalFailure()) return;
    }
  }
}

// The low nibbles that add the most: 15 where the query's code is positive, 0 where it is negative. Plane 0 may then
// add not one less than it allows for.
TEST_P(ScanTest, TheCoarseTestLetsTheLargestLowNibblesThrough) {
  std::mt19937_64 rng(8);
  for (const uint32_t d4 : {1u, 3u, 16u, 25u}) {
    Problem p = MakeProblem(150, d4, Codes::kRandom, true, false, rng);
    const size_t plane = p.code_bytes_size() / 2;
    for (uint32_t i = 0; i < p.n_items; ++i) {
      for (uint32_t j = 0; j < d4 * 4; ++j) {
        const int high = static_cast<int>(rng() % 15) + 1, low = p.query[j] > 0 ? 15 : 0;
        p.codes[i][j] = high * 16 + low - 128;
        const size_t at = (size_t{i} / 32 * d4 + j / 4) * 64 + i % 16 * 4 + j % 4;
        const int shift = i / 16 % 2 == 0 ? 0 : 4;
        uint8_t* bytes = p.code_bytes->data();
        bytes[at] = static_cast<uint8_t>((bytes[at] & ~(15 << shift)) | high << shift);
        bytes[plane + at] = static_cast<uint8_t>((bytes[plane + at] & ~(15 << shift)) | low << shift);
      }
    }
    for (uint32_t i = 0; i < p.n_items; i += 7) {
      CheckScan(*kernels_, p, 0, UpperByDefinition(p, i));  // a hit by a hair: its upper bound is the threshold
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ScanTest, LanesPastTheEndNeverHit) {
  std::mt19937_64 rng(4);
  for (uint32_t n_items = 1; n_items <= 130; ++n_items) {
    Problem p = MakeProblem(n_items, 3, Codes::kRandom, false, false, rng);
    TileHits hits;
    uint32_t found = 0;
    for (uint32_t tile = 0; tile < p.input.n_tiles; ++tile) {
      tile = kernels_->scan_until_hit(p.input, tile, p.input.n_tiles, -std::numeric_limits<float>::infinity(), &hits);
      if (tile == p.input.n_tiles) break;
      found += static_cast<uint32_t>(__builtin_popcountll(hits.mask));
    }
    ASSERT_EQ(found, n_items);
  }
}

TEST_P(ScanTest, InfiniteAndNanThresholds) {
  std::mt19937_64 rng(5);
  Problem p = MakeProblem(300, 5, Codes::kRandom, false, false, rng);
  TileHits hits;
  EXPECT_EQ(kernels_->scan_until_hit(p.input, 0, p.input.n_tiles, std::numeric_limits<float>::infinity(), &hits),
            p.input.n_tiles);
  EXPECT_EQ(kernels_->scan_until_hit(p.input, 0, p.input.n_tiles, std::numeric_limits<float>::quiet_NaN(), &hits),
            p.input.n_tiles);
  EXPECT_EQ(kernels_->scan_until_hit(p.input, 0, p.input.n_tiles, -std::numeric_limits<float>::infinity(), &hits), 0u);
  EXPECT_EQ(hits.mask, ~uint64_t{0});
}

TEST_P(ScanTest, InfiniteAndNanWidths) {
  std::mt19937_64 rng(6);
  Problem p = MakeProblem(300, 5, Codes::kRandom, false, false, rng);
  p.bounds->data()[2 * 5] = std::numeric_limits<float>::infinity();   // block 5: all hit
  p.bounds->data()[2 * 9] = std::numeric_limits<float>::quiet_NaN();  // block 9: none hits
  CheckScan(*kernels_, p, 0, 1e20f);
  TileHits hits;
  ASSERT_EQ(kernels_->scan_until_hit(p.input, 0, p.input.n_tiles, 1e20f, &hits), 1u);
  EXPECT_EQ(hits.mask, uint64_t{0xFFFF} << 16);
  CheckScan(*kernels_, p, 0, -1e20f);
}

TEST_P(ScanTest, MisalignedArrays) {
  std::mt19937_64 rng(7);
  Problem p = MakeProblem(200, 7, Codes::kRandom, true, false, rng);
  const size_t code_size = size_t{p.input.n_tiles} * p.d4 * 256, floats = size_t{p.input.n_tiles} * 64;
  for (size_t shift = 1; shift < 64; shift += 7) {
    std::vector<uint8_t> codes(code_size + 64);
    std::vector<float> scales(floats + 64), prior(floats + 64), bounds(floats);
    std::vector<int8_t> query(p.query.size() + 64);
    std::copy_n(p.code_bytes->data(), code_size, codes.begin() + static_cast<ptrdiff_t>(shift));
    std::copy_n(p.scales->data(), floats, scales.begin() + static_cast<ptrdiff_t>(shift));
    std::copy_n(p.prior->data(), floats, prior.begin() + static_cast<ptrdiff_t>(shift));
    std::copy_n(p.bounds->data(), p.input.n_tiles * 8, bounds.begin() + static_cast<ptrdiff_t>(shift));
    std::copy(p.query.begin(), p.query.end(), query.begin() + static_cast<ptrdiff_t>(shift));
    p.input.codes = &codes[shift];
    p.input.scales = &scales[shift];
    p.input.prior = &prior[shift];
    p.input.bounds = &bounds[shift];
    p.input.query = &query[shift];
    CheckScan(*kernels_, p, 0, 0.5f);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace kindred
