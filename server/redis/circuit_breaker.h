// Whether a node is asked at all. A state machine without a clock of its own: every call brings the time, which must
// not go back. Not thread-safe.
//
//   closed ──(too many failures, a failed connect)──▶ open ──(interval)──▶ half-open ──(good replies)──▶ closed
//                                                      ▲                       │
//                                                      └──── a failed probe ───┘  the interval doubles
//
// Half-open lets one probe through at a time, and only its reply counts: a stopped Redis still accepts connections.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <random>

namespace kindred::redis {

enum class BreakerState : uint8_t { kClosed, kHalfOpen, kOpen };

struct BreakerOptions {
  // Opens when of at least min_samples outcomes of the last second this share failed, …
  uint32_t min_samples = 20;
  double failure_share = 0.5;
  // … or after so many timeouts in a row.
  uint32_t consecutive_timeouts = 20;
  // How long it stays open: doubled with each failed probe, ± jitter. The longest is what a node that is well again has
  // to wait at most.
  std::chrono::milliseconds first_interval{250};
  std::chrono::milliseconds max_interval{1000};
  double jitter = 0.2;
  uint32_t replies_to_close = 3;
};

class CircuitBreaker {
 public:
  using Time = std::chrono::steady_clock::time_point;

  CircuitBreaker(const BreakerOptions& options, uint64_t seed) : options_(options), random_(seed) {}

  BreakerState state() const { return state_; }
  bool closed() const { return state_ == BreakerState::kClosed; }

  // How commands ended while it was closed; otherwise without effect, since they were sent before. Any reply is a
  // success, an error reply too. Each returns whether the breaker opened.
  void Succeeded(Time now);
  bool TimedOut(Time now);
  bool Failed(Time now);
  // No connection can be made.
  bool ConnectFailed(Time now);

  // When the next probe may start. REQUIRES: not closed, no probe under way.
  Time next_probe() const { return next_probe_; }
  bool probing() const { return probing_; }
  // From open or half-open: a probe is under way. REQUIRES: now ≥ next_probe(), no probe under way.
  void StartProbe(Time now);
  // A probe's reply. Returns whether that closed the breaker.
  bool ProbeSucceeded(Time now);
  void ProbeFailed(Time now);

 private:
  static constexpr int kBuckets = 10;
  static constexpr std::chrono::milliseconds kBucketLength{100};
  struct Bucket {
    int64_t number = -1;  // time / kBucketLength
    uint32_t succeeded = 0;
    uint32_t failed = 0;
  };

  Bucket& BucketOf(Time now);
  bool TooManyFailures(Time now) const;
  void Open(Time now);

  BreakerOptions options_;
  std::mt19937_64 random_;
  BreakerState state_ = BreakerState::kClosed;
  std::array<Bucket, kBuckets> buckets_;
  uint32_t timeouts_in_a_row_ = 0;
  std::chrono::milliseconds interval_{0};
  Time next_probe_;
  bool probing_ = false;
  uint32_t good_replies_ = 0;
};

}  // namespace kindred::redis
