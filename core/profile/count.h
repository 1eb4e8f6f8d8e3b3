// Versions and epochs: numbers that count up and are compared. Pure functions.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kindred {

// Updates and deletions that nobody lives to count. A stored profile with more is damaged.
inline constexpr uint64_t kMaxProfileCount = 1ull << 53;

// One more than `count`, at most kMaxProfileCount.
constexpr uint64_t CountUp(uint64_t count) { return std::min(count, kMaxProfileCount - 1) + 1; }

}  // namespace kindred
