// Operations from any thread to the loop's, without a lock: a list that pushers grow by compare-and-swap and that the
// loop takes whole.
#pragma once

#include <atomic>
#include <utility>

#include "server/redis/operation.h"

namespace kindred::redis {

class SubmitQueue {
 public:
  SubmitQueue() = default;
  SubmitQueue(const SubmitQueue&) = delete;
  ~SubmitQueue() {
    for (Operation* left = Take(); left != nullptr;) delete std::exchange(left, left->next);
  }

  // Any thread.
  void Push(OperationPtr operation) {
    Operation* const pushed = operation.release();
    pushed->next = newest_.load(std::memory_order_relaxed);
    // Sequentially consistent: the pusher then reads whether the loop sleeps, and the loop, before it sleeps, whether
    // this is empty; one of the two must see what the other did.
    while (!newest_.compare_exchange_weak(pushed->next, pushed, std::memory_order_seq_cst, std::memory_order_relaxed)) {
    }
  }

  bool empty() const { return newest_.load(std::memory_order_seq_cst) == nullptr; }

  // All that is there, the oldest first, linked by `next`; the caller owns them. The loop's thread.
  Operation* Take() {
    Operation* newest = newest_.exchange(nullptr, std::memory_order_acquire);
    Operation* oldest = nullptr;
    while (newest != nullptr) {
      Operation* const older = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = older;
    }
    return oldest;
  }

 private:
  std::atomic<Operation*> newest_{nullptr};
};

}  // namespace kindred::redis
