#include "core/topk/item_mask.h"

namespace kindred {
namespace {

// std::popcount is a call into libgcc on baseline x86-64, which has no such instruction.
uint32_t CountBits(uint64_t word) {
  word -= word >> 1 & 0x5555555555555555;
  word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
  word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<uint32_t>(word * 0x0101010101010101 >> 56);
}

constexpr uint32_t kTilesPerCheck = 16;

}  // namespace

AllowedCount CountAllowed(const ScanSpace& space, std::span<const uint64_t> allowed, uint64_t enough) {
  AllowedCount count;
  const uint32_t n_tiles = TileCount(space);
  for (uint32_t tile = 0; tile < n_tiles && count.items < enough;) {
    const uint32_t end = std::min(tile + kTilesPerCheck, n_tiles);
    for (; tile < end; ++tile) {
      const uint64_t word = AllowedInTile(space, allowed, tile);
      count.items += CountBits(word);
      count.tiles += static_cast<uint32_t>(word != 0);
    }
  }
  return count;
}

}  // namespace kindred
