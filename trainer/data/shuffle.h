// Chance that comes out the same on every machine and standard library: only the generator itself is standardized, the
// library's distributions and shuffles are not. Pure functions.
#pragma once

#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace kindred {

// Uniform in [0, n). REQUIRES: n > 0.
inline uint64_t UniformBelow(uint64_t n, std::mt19937_64* generator) {
  // The high half of a 128-bit product; a bias below n / 2⁶⁴.
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>((*generator)()) * n) >> 64);
}

// Uniform in [0, 1).
inline double UniformUnit(std::mt19937_64* generator) { return static_cast<double>((*generator)() >> 11) * 0x1p-53; }

// 0 … n − 1 in random order (Fisher and Yates). O(n).
inline std::vector<uint32_t> ShuffledIndices(uint32_t n, uint64_t seed) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 generator(seed);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[UniformBelow(i, &generator)]);
  return order;
}

}  // namespace kindred
