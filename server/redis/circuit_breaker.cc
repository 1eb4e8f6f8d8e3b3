#include "server/redis/circuit_breaker.h"

#include <algorithm>

namespace kindred::redis {

CircuitBreaker::Bucket& CircuitBreaker::BucketOf(Time now) {
  const int64_t number = now.time_since_epoch() / kBucketLength;
  Bucket& bucket = buckets_[static_cast<size_t>(number % kBuckets)];
  if (bucket.number != number) bucket = {number, 0, 0};
  return bucket;
}

bool CircuitBreaker::TooManyFailures(Time now) const {
  const int64_t number = now.time_since_epoch() / kBucketLength;
  uint64_t succeeded = 0, failed = 0;
  for (const Bucket& bucket : buckets_) {
    if (bucket.number <= number - kBuckets) continue;
    succeeded += bucket.succeeded;
    failed += bucket.failed;
  }
  const uint64_t samples = succeeded + failed;
  return samples >= options_.min_samples && static_cast<double>(failed) >= options_.failure_share * samples;
}

void CircuitBreaker::Open(Time now) {
  const bool again = state_ != BreakerState::kClosed;
  interval_ = again ? std::min(2 * interval_, options_.max_interval) : options_.first_interval;
  const double jitter = std::uniform_real_distribution<double>(1 - options_.jitter, 1 + options_.jitter)(random_);
  next_probe_ = now + std::chrono::duration_cast<Time::duration>(interval_ * jitter);
  state_ = BreakerState::kOpen;
  probing_ = false;
}

void CircuitBreaker::Succeeded(Time now) {
  if (state_ != BreakerState::kClosed) return;
  timeouts_in_a_row_ = 0;
  ++BucketOf(now).succeeded;
}

bool CircuitBreaker::TimedOut(Time now) {
  if (state_ != BreakerState::kClosed) return false;
  ++BucketOf(now).failed;
  if (++timeouts_in_a_row_ < options_.consecutive_timeouts && !TooManyFailures(now)) return false;
  Open(now);
  return true;
}

bool CircuitBreaker::Failed(Time now) {
  if (state_ != BreakerState::kClosed) return false;
  ++BucketOf(now).failed;
  if (!TooManyFailures(now)) return false;
  Open(now);
  return true;
}

bool CircuitBreaker::ConnectFailed(Time now) {
  if (state_ != BreakerState::kClosed) return false;
  Open(now);
  return true;
}

void CircuitBreaker::StartProbe(Time now) {
  if (state_ == BreakerState::kOpen) {
    state_ = BreakerState::kHalfOpen;
    good_replies_ = 0;
  }
  probing_ = true;
}

bool CircuitBreaker::ProbeSucceeded(Time now) {
  probing_ = false;
  next_probe_ = now;
  if (++good_replies_ < options_.replies_to_close) return false;
  state_ = BreakerState::kClosed;
  timeouts_in_a_row_ = 0;
  // What failed before it opened would open it again at the next failure.
  buckets_ = {};
  return true;
}

void CircuitBreaker::ProbeFailed(Time now) { Open(now); }

}  // namespace kindred::redis
