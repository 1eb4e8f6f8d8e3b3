#include "server/redis/submit_queue.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace kindred::redis {
namespace {

TEST(SubmitQueue, KeepsTheOrderOfEachThreadAndLosesNothing) {
  constexpr int kThreads = 4, kEach = 20'000;
  SubmitQueue queue;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&queue, t] {
      for (int i = 0; i < kEach; ++i) {
        auto operation = std::make_unique<Operation>();
        operation->slot = static_cast<uint16_t>(t);
        operation->wire_bytes = static_cast<size_t>(i);
        queue.Push(std::move(operation));
      }
    });
  }
  std::vector<size_t> next(kThreads, 0);
  for (int seen = 0; seen < kThreads * kEach;) {
    for (Operation* taken = queue.Take(); taken != nullptr; ++seen) {
      const OperationPtr operation(std::exchange(taken, taken->next));
      ASSERT_EQ(operation->wire_bytes, next[operation->slot]++);
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(queue.empty());
}

TEST(SubmitQueue, WhatIsLeftIsFreed) {
  SubmitQueue queue;  // leaks are the sanitizer's to find
  queue.Push(std::make_unique<Operation>());
  queue.Push(std::make_unique<Operation>());
}

}  // namespace
}  // namespace kindred::redis
