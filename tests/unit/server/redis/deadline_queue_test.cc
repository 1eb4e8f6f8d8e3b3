#include "server/redis/deadline_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace kindred::redis {
namespace {

TEST(DeadlineQueue, FirstIsTheEarliestWhateverIsAddedAndRemoved) {
  std::mt19937 random(3);
  DeadlineQueue queue;
  std::vector<std::unique_ptr<Operation>> there;
  for (int step = 0; step < 20'000; ++step) {
    if (there.empty() || random() % 5 < 3) {
      there.push_back(std::make_unique<Operation>());
      there.back()->deadline = Time(std::chrono::microseconds(random() % 1000));
      queue.Add(there.back().get());
    } else {
      const size_t chosen = random() % there.size();
      queue.Remove(there[chosen].get());
      queue.Remove(there[chosen].get());  // without effect
      std::swap(there[chosen], there.back());
      there.pop_back();
    }
    ASSERT_EQ(queue.size(), there.size());
    if (there.empty()) continue;
    const auto earliest = std::min_element(there.begin(), there.end(),
                                           [](const auto& a, const auto& b) { return a->deadline < b->deadline; });
    ASSERT_EQ(queue.first()->deadline, (*earliest)->deadline);
  }
}

}  // namespace
}  // namespace kindred::redis
