// Draws from a discrete distribution in constant time (Vose 1991). Immutable and thread-safe once made.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kindred {

class AliasTable {
 public:
  // weights: [n], finite, ≥ 0, at least one > 0. REQUIRES: 1 ≤ n < 2³². O(n).
  explicit AliasTable(std::span<const double> weights);

  // The outcome of 64 uniformly random bits.
  uint32_t Draw(uint64_t bits) const {
    const auto slot = static_cast<uint32_t>((bits >> 32) * slots_.size() >> 32);
    const Slot& s = slots_[slot];
    return static_cast<uint32_t>(bits) < s.threshold ? slot : s.other;
  }
  size_t size() const { return slots_.size(); }

 private:
  // The slot's own outcome below `threshold` of 2³², the other one from there.
  struct Slot {
    uint32_t threshold;
    uint32_t other;
  };
  std::vector<Slot> slots_;
};

}  // namespace kindred
