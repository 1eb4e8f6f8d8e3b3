#include "core/base/distinct_counter.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "core/base/checksum.h"

namespace kindred {
namespace {

uint64_t Hash(int id) {
  const std::string text = "id-" + std::to_string(id);
  return Xxh3(std::as_bytes(std::span(text)));
}

TEST(DistinctCounterTest, CountsEachIdOnce) {
  DistinctCounter counter(1 << 13);
  EXPECT_EQ(counter.Estimate(), 0);
  for (int round = 0; round < 3; ++round) counter.Add(Hash(7));
  EXPECT_NEAR(counter.Estimate(), 1, 1e-3);
}

TEST(DistinctCounterTest, IsWithinAFewPercentUpToSeveralTimesItsBits) {
  for (const int ids : {100, 5'000, 30'000}) {
    DistinctCounter counter(1 << 13);
    for (int id = 0; id < ids; ++id) counter.Add(Hash(id));
    EXPECT_NEAR(counter.Estimate(), ids, 0.06 * ids) << ids;
  }
}

TEST(DistinctCounterTest, AFullBitmapSaysTheMostItCanTell) {
  DistinctCounter counter(64);
  for (uint64_t bit = 0; bit < 64; ++bit) counter.Add(bit);
  EXPECT_NEAR(counter.Estimate(), 64 * 4.1589, 0.01);
}

TEST(DistinctCounterTest, ThreadsAddUp) {
  DistinctCounter counter(1 << 16);
  const auto add = [&](int begin) {
    for (int id = begin; id < begin + 4'000; ++id) counter.Add(Hash(id));
  };
  std::thread first(add, 0), second(add, 2'000);
  first.join();
  second.join();
  EXPECT_NEAR(counter.Estimate(), 6'000, 120);
}

TEST(DistinctCounterTest, BitsFollowTheSizeWithinBounds) {
  EXPECT_EQ(DistinctCounterBits(0), uint64_t{1} << 13);
  EXPECT_EQ(DistinctCounterBits(1'000'000), uint64_t{1} << 18);
  EXPECT_EQ(DistinctCounterBits(uint64_t{1} << 40), uint64_t{1} << 20);
}

}  // namespace
}  // namespace kindred
