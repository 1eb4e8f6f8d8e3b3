#include "server/redis/circuit_breaker.h"

#include <gtest/gtest.h>

namespace kindred::redis {
namespace {

using std::chrono::milliseconds;

class CircuitBreakerTest : public ::testing::Test {
 protected:
  void Pass(milliseconds time) { now_ += time; }
  // The length of the interval that it is open for, in milliseconds.
  double Interval() const { return std::chrono::duration<double, std::milli>(breaker_.next_probe() - now_).count(); }

  BreakerOptions options_;
  CircuitBreaker breaker_{options_, 7};
  CircuitBreaker::Time now_{std::chrono::hours(1)};
};

TEST_F(CircuitBreakerTest, HalfOfTwentyFailingWithinASecondOpensIt) {
  for (int i = 0; i < 10; ++i) breaker_.Succeeded(now_);
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(breaker_.Failed(now_));
  EXPECT_TRUE(breaker_.closed());
  EXPECT_TRUE(breaker_.Failed(now_));
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
}

TEST_F(CircuitBreakerTest, FewerThanHalfDoNot) {
  for (int i = 0; i < 1000; ++i) {
    breaker_.Succeeded(now_);
    breaker_.Succeeded(now_);
    EXPECT_FALSE(breaker_.TimedOut(now_));
    Pass(milliseconds(1));
  }
}

TEST_F(CircuitBreakerTest, FailuresOfMoreThanASecondAgoDoNotCount) {
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 15; ++i) EXPECT_FALSE(breaker_.Failed(now_)) << round;
    Pass(milliseconds(1001));
  }
}

TEST_F(CircuitBreakerTest, TwentyTimeoutsInARowOpenItHoweverSlow) {
  for (int i = 0; i < 19; ++i) {
    EXPECT_FALSE(breaker_.TimedOut(now_));
    Pass(milliseconds(5000));
  }
  EXPECT_TRUE(breaker_.TimedOut(now_));
}

TEST_F(CircuitBreakerTest, AReplyBreaksTheRow) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(breaker_.TimedOut(now_));
    if (i % 19 == 0) breaker_.Succeeded(now_);
    Pass(milliseconds(5000));
  }
}

TEST_F(CircuitBreakerTest, AFailedConnectOpensItAtOnce) {
  EXPECT_TRUE(breaker_.ConnectFailed(now_));
  EXPECT_FALSE(breaker_.ConnectFailed(now_)) << "it is open already";
}

TEST_F(CircuitBreakerTest, OneProbeAtATimeAndThreeRepliesCloseIt) {
  breaker_.ConnectFailed(now_);
  now_ = breaker_.next_probe();
  for (int reply = 1; reply <= 3; ++reply) {
    EXPECT_FALSE(breaker_.probing());
    EXPECT_LE(breaker_.next_probe(), now_);
    breaker_.StartProbe(now_);
    EXPECT_TRUE(breaker_.probing());
    EXPECT_EQ(breaker_.state(), BreakerState::kHalfOpen);
    EXPECT_EQ(breaker_.ProbeSucceeded(now_), reply == 3);
  }
  EXPECT_TRUE(breaker_.closed());
  // With a clean slate: one more failure is one.
  EXPECT_FALSE(breaker_.Failed(now_));
}

TEST_F(CircuitBreakerTest, AFailedProbeStartsTheRepliesAnew) {
  breaker_.ConnectFailed(now_);
  for (int round = 0; round < 3; ++round) {
    now_ = breaker_.next_probe();
    for (int reply = 0; reply < 2; ++reply) {
      breaker_.StartProbe(now_);
      EXPECT_FALSE(breaker_.ProbeSucceeded(now_));
    }
    breaker_.StartProbe(now_);
    breaker_.ProbeFailed(now_);
    EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  }
}

TEST_F(CircuitBreakerTest, IntervalsDoubleUpToTheLongestAndStartAgainAfterClosing) {
  breaker_.ConnectFailed(now_);
  for (const double expected : {250., 500., 1000., 1000., 1000.}) {
    EXPECT_GE(Interval(), 0.8 * expected);
    EXPECT_LE(Interval(), 1.2 * expected);
    now_ = breaker_.next_probe();
    breaker_.StartProbe(now_);
    breaker_.ProbeFailed(now_);
  }
  now_ = breaker_.next_probe();
  for (int reply = 0; reply < 3; ++reply) {
    breaker_.StartProbe(now_);
    breaker_.ProbeSucceeded(now_);
  }
  breaker_.ConnectFailed(now_);
  EXPECT_LE(Interval(), 300);
}

TEST_F(CircuitBreakerTest, JitterComesOfTheSeed) {
  CircuitBreaker same(options_, 7), other(options_, 8);
  for (CircuitBreaker* breaker : {&breaker_, &same, &other}) breaker->ConnectFailed(now_);
  EXPECT_EQ(breaker_.next_probe(), same.next_probe());
  EXPECT_NE(breaker_.next_probe(), other.next_probe());
}

TEST_F(CircuitBreakerTest, WhatWasSentBeforeItOpenedChangesNothing) {
  breaker_.ConnectFailed(now_);
  const auto next = breaker_.next_probe();
  breaker_.Succeeded(now_);
  EXPECT_FALSE(breaker_.TimedOut(now_));
  EXPECT_FALSE(breaker_.Failed(now_));
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  EXPECT_EQ(breaker_.next_probe(), next);
}

}  // namespace
}  // namespace kindred::redis
