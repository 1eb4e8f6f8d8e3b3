// Compressed sparse rows as tensors hold them. A view; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kindred {

struct RowsView {
  std::span<const int64_t> offsets;  // [rows + 1], or empty: every row is
  std::span<const uint32_t> values;  // ascending within a row, but for lists by rank
  std::span<const float> weights;    // one a value, or empty

  bool empty() const { return offsets.empty(); }
  std::span<const uint32_t> Row(uint32_t row) const { return Part(values, row); }
  std::span<const float> RowWeights(uint32_t row) const { return Part(weights, row); }

 private:
  template <typename T>
  std::span<const T> Part(std::span<const T> of, uint32_t row) const {
    if (offsets.size() <= size_t{row} + 1 || of.empty()) return {};
    return of.subspan(offsets[row], offsets[row + 1] - offsets[row]);
  }
};

}  // namespace kindred
