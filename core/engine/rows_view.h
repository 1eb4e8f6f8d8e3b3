// Compressed sparse rows as tensors hold them. A view; thread-safe.
//
// The tensors may be those of a mapped file that somebody overwrites. A row whose bounds make no sense is empty, so
// that rows stay within the tensors; what their values are is for whoever uses them to check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/read_once.h"

namespace kindred {

struct RowsView {
  std::span<const int64_t> offsets;  // [rows + 1], or empty: every row is
  std::span<const uint32_t> values;  // ascending within a row, but for lists by rank
  std::span<const float> weights;    // one a value, or empty
  uint64_t columns = UINT64_MAX;     // a row has distinct values below this: no more of them

  // A row with its weights, of one length where there are weights.
  struct Entries {
    std::span<const uint32_t> values;
    std::span<const float> weights;
  };

  bool empty() const { return offsets.empty(); }
  std::span<const uint32_t> Row(uint32_t row) const { return Part(values, RangeOf(row)); }
  std::span<const float> RowWeights(uint32_t row) const { return Part(weights, RangeOf(row)); }
  Entries RowEntries(uint32_t row) const {
    const Range range = RangeOf(row);
    return {Part(values, range), Part(weights, range)};
  }

 private:
  struct Range {
    uint64_t begin = 0, size = 0;
  };

  Range RangeOf(uint32_t row) const {
    if (offsets.size() <= size_t{row} + 1) return {};
    const auto begin = static_cast<uint64_t>(ReadOnce(offsets[row]));
    const auto end = static_cast<uint64_t>(ReadOnce(offsets[row + 1]));
    if (begin > end || end > values.size() || end - begin > columns) return {};
    return {begin, end - begin};
  }

  template <typename T>
  static std::span<const T> Part(std::span<const T> of, Range range) {
    return of.empty() ? std::span<const T>() : of.subspan(range.begin, range.size);
  }
};

}  // namespace kindred
