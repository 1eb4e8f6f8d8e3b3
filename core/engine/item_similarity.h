// How alike two items are, for variety: the cosine of their vectors in a space; of neighbors the larger of S_ij and
// S_ji; in a blend the mean over its parts by weight. Views; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/model.h"

namespace kindred {

class ItemSimilarity {
 public:
  struct Part {
    const Space* space = nullptr;
    double weight = 1;
  };
  // `parts` outlives this; weights ≥ 0.
  explicit ItemSimilarity(std::span<const Part> parts) : parts_(parts) {}

  // out[i] = similarity of `item` and items[i], summed in double over the parts, each cosine in f32 bit-equal on every
  // ISA. O(items · d). REQUIRES: out as long as items.
  void ToMany(uint32_t item, std::span<const uint32_t> items, std::span<float> out) const;

 private:
  std::span<const Part> parts_;
};

}  // namespace kindred
