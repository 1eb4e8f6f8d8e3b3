// Holds background work to a rate, so that it takes no more of a disk's or a memory's bandwidth than it was given.
// Belongs to one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

namespace kindred {

class Pace {
 public:
  // At most so many bytes a second; without limit where it is not above 0. `go_on` is asked at least every kNap, and
  // false ends the work.
  Pace(double max_bytes_per_second, const std::function<bool()>& go_on)
      : rate_(max_bytes_per_second), go_on_(go_on), due_(Clock::now()) {}

  // Counts work that was done and waits until the rate allows more. False: stop.
  bool Spend(uint64_t bytes) {
    if (rate_ > 0) {
      // What was not used while the thread did not run is not made up for.
      due_ = std::max(due_, Clock::now() - kNap);
      due_ += std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(std::min(static_cast<double>(bytes) / rate_, kLongestSeconds)));
      for (auto now = Clock::now(); now < due_; now = Clock::now()) {
        if (!go_on_()) return false;
        std::this_thread::sleep_for(std::min<Clock::duration>(due_ - now, kNap));
      }
    }
    return go_on_();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::duration kNap = std::chrono::milliseconds(20);
  static constexpr double kLongestSeconds = 86'400;

  const double rate_;
  const std::function<bool()>& go_on_;
  Clock::time_point due_;
};

}  // namespace kindred
