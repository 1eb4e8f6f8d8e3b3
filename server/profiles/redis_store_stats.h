// What the redis profile store has done since it was opened. Lock-free counters, for metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace kindred {

// Why a value in Redis was refused.
enum class Corruption : uint8_t {
  kMagic,     // not a profile: another format, another type of key, or something foreign
  kChecksum,  // damaged
  kCrossed,   // another user's profile
  kTooLarge,  // larger than a profile may be
};
inline constexpr std::array<std::string_view, 4> kCorruptionNames = {"magic", "checksum", "crossed", "too_large"};

struct RedisStoreStats {
  using Counter = std::atomic<uint64_t>;

  // Reads, by what answered them; redis_*, journal_hits and degraded count the commands that reads waited for.
  alignas(64) Counter near_hits{0};     // what was read before
  alignas(64) Counter overlay_hits{0};  // committed here, not in Redis yet
  Counter negative_hits{0};             // known to be nobody in Redis
  Counter redis_hits{0}, redis_misses{0};
  Counter journal_hits{0};  // Redis has lost it
  Counter degraded{0};      // Redis could not be read: the last that is known, which may be nothing
  Counter stale{0};         // without the version that was asked for
  // All reads but those of the first three, by their answer: a profile, or nobody.
  Counter read_hits{0}, read_misses{0};

  Counter reads_sent{0};  // commands
  Counter joined{0};      // reads that waited for another's command
  Counter forced{0};      // of those sent, past the cache for the sake of a version
  Counter refreshes{0};   // of those sent, ahead of an expiry
  Counter extensions{0};  // of time to live

  std::array<Counter, kCorruptionNames.size()> corrupt{};
  Counter repairs{0};  // corrupt values written over or deleted

  Counter commits{0};    // profiles committed
  Counter refused{0};    // commits refused because too many wait
  Counter applied{0};    // profiles that Redis took
  Counter conflicts{0};  // writes that met a value not seen before, and merged it
  Counter failures{0};   // writes that failed, and are tried again
  Counter reapplied{0};  // profiles found lost by a read
  Counter replays{0};    // profiles written again because Redis may have lost them
  Counter new_servers{0};
  Counter swept{0};  // profiles dropped from the journal for their age

  std::atomic<uint64_t> backlog{0};          // profiles that wait for Redis
  std::atomic<int64_t> backlog_since_ms{0};  // when the oldest of them came, Unix time; 0: none waits

  uint64_t corrupt_total() const {
    uint64_t total = 0;
    for (const Counter& counter : corrupt) total += counter.load(std::memory_order_relaxed);
    return total;
  }
};

// One more, in no order with anything.
inline void Count(std::atomic<uint64_t>* counter, uint64_t by = 1) {
  counter->fetch_add(by, std::memory_order_relaxed);
}

}  // namespace kindred
