#include "server/profiles/time_to_live.h"

#include <algorithm>
#include <functional>

namespace kindred {

std::chrono::milliseconds SpreadTimeToLive(std::chrono::milliseconds ttl, uint64_t* state) {
  // A Weyl sequence through a multiplicative hash: evenly spread is all that is asked of it.
  *state += 0x9E3779B97F4A7C15u;
  const uint64_t mixed = (*state ^ (*state >> 31)) * 0xBF58476D1CE4E5B9u;
  const double share = static_cast<double>(mixed >> 11) * 0x1p-53;
  const auto spread = std::chrono::duration<double, std::milli>(ttl) * (0.9 + 0.2 * share);
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(spread), std::chrono::milliseconds(1));
}

bool ExtensionFilter::ShouldExtend(std::string_view user_id, int64_t updated_ms, int64_t now_ms,
                                   std::chrono::milliseconds ttl) {
  if (now_ms - updated_ms <= ttl.count() / 2) return false;
  const uint64_t hash = std::hash<std::string_view>()(user_id);
  const uint64_t eighth = static_cast<uint64_t>(now_ms) / std::max<uint64_t>(ttl.count() / 8, 1);
  const uint64_t mark = (hash & ~uint64_t{0xFFFF}) | (eighth & 0xFFFF);
  return extended_[hash % extended_.size()].exchange(mark, std::memory_order_relaxed) != mark;
}

}  // namespace kindred
