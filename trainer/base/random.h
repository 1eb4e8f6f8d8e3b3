// Random numbers that are the same with every compiler and standard library: xoshiro256++ (Blackman & Vigna 2019),
// seeded through SplitMix64. One thread at a time.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace kindred {

class Random {
 public:
  // Streams of one seed are independent of one another.
  explicit Random(uint64_t seed, uint64_t stream = 0) {
    uint64_t state = Mixed(seed) ^ Mixed(~stream);
    for (uint64_t& word : state_) word = Mixed(state += kGolden);
  }

  uint64_t Bits() {
    const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  // From 0 to n − 1; the bias is below n / 2³². REQUIRES: n > 0.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((Bits() >> 32) * n >> 32); }
  // In [0, 1).
  double Uniform() { return static_cast<double>(Bits() >> 11) * 0x1.0p-53; }

 private:
  static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;

  static uint64_t Mixed(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
  }

  std::array<uint64_t, 4> state_{};
};

}  // namespace kindred
