// Which items a query may return: its bitmap tile by tile, and its list of exclusions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/topk/topk_scan.h"

namespace kindred {

inline uint32_t TileCount(const ScanSpace& space) { return (space.n_items + kTileItems - 1) / kTileItems; }

// The items of a tile that the bitmap allows, bit i = item 64·tile + i.
inline uint64_t AllowedInTile(const ScanSpace& space, std::span<const uint64_t> allowed, uint32_t tile) {
  uint64_t word = allowed.empty() ? ~uint64_t{0} : allowed[tile];
  const uint32_t left = space.n_items - tile * kTileItems;
  if (left < kTileItems) word &= (uint64_t{1} << left) - 1;
  return word;
}

struct AllowedCount {
  uint32_t items = 0;  // allowed
  uint32_t tiles = 0;  // that have at least one of them
};

// Counts what the bitmap allows, and stops soon after `enough` items were found. O(items / 64).
AllowedCount CountAllowed(const ScanSpace& space, std::span<const uint64_t> allowed, uint64_t enough);

// Walks a sorted list of item indices beside an ascending sequence of items.
class ExclusionCursor {
 public:
  explicit ExclusionCursor(std::span<const uint32_t> excluded) : next_(excluded.begin()), end_(excluded.end()) {}

  // REQUIRES: items come in ascending order.
  bool Contains(uint32_t item) {
    if (next_ == end_) return false;
    if (*next_ < item) next_ = std::lower_bound(next_, end_, item);
    return next_ != end_ && *next_ == item;
  }

 private:
  std::span<const uint32_t>::iterator next_, end_;
};

}  // namespace kindred
