#include "server/redis/attempt_limiter.h"

#include <gtest/gtest.h>

#include <deque>

namespace kindred::redis {
namespace {

TEST(AttemptLimiter, NoSecondHasMoreThanTwo) {
  AttemptLimiter limiter;
  std::deque<Time> lately;
  uint32_t attempts = 0;
  for (Time now{std::chrono::hours(1)}; now < Time(std::chrono::hours(1) + std::chrono::seconds(20));
       now += std::chrono::milliseconds(7)) {
    if (limiter.next() > now) continue;
    limiter.Record(now);
    ++attempts;
    lately.push_back(now);
    while (now - lately.front() >= std::chrono::seconds(1)) lately.pop_front();
    ASSERT_LE(lately.size(), 2u);
  }
  EXPECT_GE(attempts, 38u);
  EXPECT_EQ(limiter.attempts(), attempts);
}

}  // namespace
}  // namespace kindred::redis
