#include "core/base/checked_math.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

constexpr uint64_t kMax = ~uint64_t{0};

TEST(CheckedMathTest, AddsUpToTheLimitAndNotPastIt) {
  uint64_t out = 42;
  EXPECT_TRUE(CheckedAdd(kMax - 1, 1, &out));
  EXPECT_EQ(out, kMax);
  EXPECT_FALSE(CheckedAdd(kMax, 1, &out));
  EXPECT_EQ(out, kMax) << "left alone on overflow";
}

TEST(CheckedMathTest, MultipliesUpToTheLimitAndNotPastIt) {
  uint64_t out = 42;
  EXPECT_TRUE(CheckedMul(uint64_t{1} << 32, (uint64_t{1} << 32) - 1, &out));
  EXPECT_EQ(out, kMax - 0xffffffff);
  EXPECT_FALSE(CheckedMul(uint64_t{1} << 32, uint64_t{1} << 32, &out));
  EXPECT_EQ(out, kMax - 0xffffffff) << "left alone on overflow";
  EXPECT_TRUE(CheckedMul(kMax, 0, &out));
  EXPECT_EQ(out, 0u);
}

TEST(CheckedMathTest, RoundsUp) {
  EXPECT_EQ(RoundUp(0, 64), 0u);
  EXPECT_EQ(RoundUp(1, 64), 64u);
  EXPECT_EQ(RoundUp(64, 64), 64u);
  EXPECT_EQ(RoundUp(65, 64), 128u);
}

}  // namespace
}  // namespace kindred
