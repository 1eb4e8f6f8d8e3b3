// What tests of paused calls share: threads that resume them, and what a call keeps meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace kindred::rpc {

// Threads that do what they are given, in no certain order.
class Others {
 public:
  explicit Others(int threads) {
    for (int t = 0; t < threads; ++t) threads_.emplace_back(&Others::Run, this);
  }
  ~Others() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  void Do(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
    }
    changed_.notify_one();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !work_.empty(); });
      if (work_.empty()) return;
      const auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// What a paused call keeps, and others write into.
struct Kept {
  explicit Kept(int value = 0) : value(value) { ++alive; }
  ~Kept() { --alive; }
  std::atomic<int> value;
  static inline std::atomic<int> alive{0};
};

}  // namespace kindred::rpc
