// The inner product that defines a score: one order of operations, the same bits from every ISA.
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "gtest/gtest.h"
#include "tests/unit/kernels/guarded_array.h"

namespace kindred {
namespace {

// The order as kernels.h words it, written apart from any kernel; volatile keeps the compiler from touching it.
float DotByDefinition(const std::vector<float>& a, const std::vector<float>& b) {
  volatile float sums[16] = {};
  for (size_t j = 0; j < a.size(); ++j) {
    volatile float product = a[j] * b[j];
    sums[j % 16] = sums[j % 16] + product;
  }
  for (size_t width : {8, 4, 2, 1}) {
    for (size_t l = 0; l < width; ++l) sums[l] = sums[l] + sums[l + width];
  }
  return sums[0];
}

bool SameBits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

class DotTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto found = FindKernels(GetParam());
    if (!found.ok()) GTEST_SKIP() << "SKIPPED LOUDLY: " << found.status().message();
    kernels_ = *found;
    ASSERT_EQ(std::string(kernels_->name), GetParam());
  }
  const KernelTable* kernels_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(EachIsa, DotTest, testing::Values("scalar", "avx2", "avx512_vnni"),
                         [](const auto& info) { return info.param; });

std::vector<float> RandomVector(size_t d, std::mt19937_64& rng, float size = 1) {
  std::normal_distribution<float> normal;
  std::vector<float> out(d);
  for (float& x : out) x = size * normal(rng);
  return out;
}

TEST_P(DotTest, EqualsItsDefinitionBitForBitAtEveryLength) {
  std::mt19937_64 rng(1);
  for (size_t d = 0; d <= 330; ++d) {
    for (int repeat = 0; repeat < 5; ++repeat) {
      const std::vector<float> a = RandomVector(d, rng), b = RandomVector(d, rng);
      const float found = kernels_->dot(a.data(), b.data(), d);
      ASSERT_TRUE(SameBits(found, DotByDefinition(a, b))) << "d " << d << ": " << found;
    }
  }
}

TEST_P(DotTest, EqualsItsDefinitionAtEveryMisalignment) {
  std::mt19937_64 rng(2);
  std::vector<float> left(400), right(400);
  for (size_t shift_a = 0; shift_a < 16; ++shift_a) {
    for (size_t shift_b = 0; shift_b < 16; ++shift_b) {
      for (const size_t d : {1u, 15u, 16u, 17u, 100u, 255u}) {
        const std::vector<float> a = RandomVector(d, rng), b = RandomVector(d, rng);
        std::copy(a.begin(), a.end(), left.begin() + static_cast<ptrdiff_t>(shift_a));
        std::copy(b.begin(), b.end(), right.begin() + static_cast<ptrdiff_t>(shift_b));
        ASSERT_TRUE(SameBits(kernels_->dot(&left[shift_a], &right[shift_b], d), DotByDefinition(a, b)));
      }
    }
  }
}

TEST_P(DotTest, DenormalsInfinitiesNanAndCancellation) {
  std::mt19937_64 rng(3);
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float special[] = {0, -0.0f, inf, -inf, nan, 1e-45f, -1e-40f, 3e38f, -3e38f, 1, -1, 16777216, 0x1p-149f};
  for (int repeat = 0; repeat < 20000; ++repeat) {
    const size_t d = rng() % 70;
    std::vector<float> a = RandomVector(d, rng), b = RandomVector(d, rng);
    for (size_t n = rng() % 4; n > 0 && d > 0; --n) {
      a[rng() % d] = special[rng() % std::size(special)];
      b[rng() % d] = special[rng() % std::size(special)];
    }
    const float found = kernels_->dot(a.data(), b.data(), d);
    ASSERT_TRUE(SameBits(found, DotByDefinition(a, b))) << "d " << d << ": " << found;
  }
}

TEST_P(DotTest, ReadsNothingPastTheEnd) {
  std::mt19937_64 rng(4);
  for (size_t d = 0; d <= 70; ++d) {
    const std::vector<float> a = RandomVector(d, rng), b = RandomVector(d, rng);
    GuardedArray<float> guarded_a(a.data(), d), guarded_b(b.data(), d);
    ASSERT_TRUE(SameBits(kernels_->dot(guarded_a.data(), guarded_b.data(), d), DotByDefinition(a, b)));
  }
}

TEST_P(DotTest, RowsAndAllEqualDot) {
  std::mt19937_64 rng(5);
  for (const size_t d : {1u, 7u, 16u, 31u, 64u, 100u}) {
    for (const size_t n : {0u, 1u, 3u, 4u, 5u, 63u, 64u, 65u}) {
      const std::vector<float> query = RandomVector(d, rng), items = RandomVector(n * d, rng);
      GuardedArray<float> guarded(items.data(), n * d);
      std::vector<float> all(n + 1, 42), gathered(n + 1, 42);
      std::vector<uint32_t> rows(n);
      for (uint32_t& row : rows) row = static_cast<uint32_t>(rng() % n);
      kernels_->dot_all(query.data(), guarded.data(), n, d, all.data());
      kernels_->dot_rows(query.data(), guarded.data(), rows.data(), n, d, gathered.data());
      for (size_t i = 0; i < n; ++i) {
        ASSERT_TRUE(SameBits(all[i], kernels_->dot(query.data(), &items[i * d], d)));
        ASSERT_TRUE(SameBits(gathered[i], kernels_->dot(query.data(), &items[rows[i] * d], d)));
      }
      ASSERT_EQ(all[n], 42) << "wrote past the end";
      ASSERT_EQ(gathered[n], 42) << "wrote past the end";
    }
  }
}

}  // namespace
}  // namespace kindred
