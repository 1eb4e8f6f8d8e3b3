#include "server/profiles/canary.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/server/profiles/fake_redis.h"

namespace kindred {
namespace {

class CanaryTest : public ::testing::Test {
 protected:
  // A look, and its replies.
  void Look(Canary* canary) {
    const uint64_t before = redis_.calls("SET");
    canary->Look(std::chrono::steady_clock::now() + std::chrono::seconds(10));
    // Replies come in order: when the next command's is there, so are those before.
    std::atomic<bool> done{false};
    redis_.Execute({"k", {"GETRANGE", "k", "0", "1"}}, {}, [&](const redis::Reply&) { done = true; });
    while (!done) std::this_thread::yield();
    EXPECT_EQ(redis_.calls("SET"), before + 3);
  }
  Canary Make(bool expected) {
    return Canary(&redis_, "p:", "me", 3, std::chrono::milliseconds(1000), expected, [this] { ++emptied_; });
  }

  std::atomic<int> emptied_{0};
  testing::FakeRedis redis_;
};

TEST_F(CanaryTest, SaysWhenWhatWasThereIsGone) {
  Canary canary = Make(false);
  for (int i = 0; i < 3; ++i) Look(&canary);
  EXPECT_EQ(redis_.Get("p:~alive~me{2}"), "1");
  EXPECT_EQ(redis_.TtlOf("p:~alive~me{2}"), 1000);
  EXPECT_EQ(emptied_.load(), 0);
  redis_.Clear(false);
  Look(&canary);
  EXPECT_EQ(emptied_.load(), 3);
  Look(&canary);
  EXPECT_EQ(emptied_.load(), 3);
}

TEST_F(CanaryTest, AnotherServerNeedNotHaveIt) {
  Canary canary = Make(false);
  Look(&canary);
  redis_.Clear(true);
  canary.Forget();
  Look(&canary);
  EXPECT_EQ(emptied_.load(), 0);
}

TEST_F(CanaryTest, WhatTheLastProcessLeftIsExpected) {
  Canary canary = Make(true);
  Look(&canary);
  EXPECT_EQ(emptied_.load(), 3);
}

TEST_F(CanaryTest, NoAnswerSaysNothing) {
  Canary canary = Make(true);
  redis_.Fail(redis::Failure::kTimeout);
  Look(&canary);
  EXPECT_EQ(emptied_.load(), 0);
}

}  // namespace
}  // namespace kindred
