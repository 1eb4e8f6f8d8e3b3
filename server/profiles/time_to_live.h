// How long values live in Redis: spread, so that what was written together does not go together; and extended for those
// that are read, at most once a user in a while.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace kindred {

// `ttl` within ±10 %. *state is the caller's, any number to begin with. Not thread-safe.
std::chrono::milliseconds SpreadTimeToLive(std::chrono::milliseconds ttl, uint64_t* state);

// Remembers whose time to live was extended lately, in 64 KiB: now and then it forgets one too early. Thread-safe,
// without locks.
class ExtensionFilter {
 public:
  // Whether the value of a user that was changed last at `updated_ms` should be extended now: when less than half of
  // its time is likely left, and this was not said of it within an eighth of `ttl`. Both in ms, Unix time.
  bool ShouldExtend(std::string_view user_id, int64_t updated_ms, int64_t now_ms, std::chrono::milliseconds ttl);

 private:
  std::array<std::atomic<uint64_t>, 8192> extended_{};  // hash of the user and eighth of ttl, by hash
};

}  // namespace kindred
