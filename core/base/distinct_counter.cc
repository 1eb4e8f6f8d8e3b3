#include "core/base/distinct_counter.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kindred {

double DistinctCounter::Estimate() const {
  uint64_t ones = 0;
  for (const std::atomic<uint64_t>& word : words_) ones += std::popcount(word.load(std::memory_order_relaxed));
  const double all = static_cast<double>(bits());
  return all * std::log(all / std::max(1.0, all - static_cast<double>(ones)));
}

uint64_t DistinctCounterBits(uint64_t size) {
  constexpr uint64_t kLeast = uint64_t{1} << 13, kMost = uint64_t{1} << 20;
  return std::bit_ceil(std::clamp(size / 4, kLeast, kMost));
}

}  // namespace kindred
