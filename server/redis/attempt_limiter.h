// At most two attempts a second: the third has to wait until a second after the first. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "server/redis/operation.h"

namespace kindred::redis {

class AttemptLimiter {
 public:
  // When the next one may be.
  Time next() const { return last_[0] == Time() ? Time() : last_[0] + std::chrono::seconds(1); }
  // REQUIRES: now ≥ next().
  void Record(Time now) {
    last_ = {last_[1], now};
    ++attempts_;
  }
  // How many there were.
  uint32_t attempts() const { return attempts_; }

 private:
  std::array<Time, 2> last_{};  // the older one first
  uint32_t attempts_ = 0;
};

}  // namespace kindred::redis
