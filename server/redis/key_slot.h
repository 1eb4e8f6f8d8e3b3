// Which of a cluster's slots a key belongs to. Pure function.
#pragma once

#include <cstdint>
#include <string_view>

namespace kindred::redis {

inline constexpr uint32_t kSlots = 16384;

// CRC-16/XMODEM of the key, or of what stands between its first "{" and the next "}" unless that is nothing, modulo
// kSlots (the Redis Cluster specification). O(bytes).
uint16_t KeySlot(std::string_view key);

}  // namespace kindred::redis
