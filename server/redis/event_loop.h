// A libevent loop on a thread of its owner's: names, timers, and a way to wake it. Everything but Wake belongs to the
// thread that runs it, so libevent needs no locks.
#pragma once

#include <event2/dns.h>
#include <event2/event.h>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "server/redis/operation.h"

namespace kindred::redis {

class EventLoop {
 public:
  // RESOURCE_EXHAUSTED without file descriptors.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;

  event_base* base() { return base_; }
  // Null where there is nothing to look names up with.
  evdns_base* names() { return names_; }

  // Waits for events unless `idle` says that there is work, runs all that are there, and returns.
  void RunTurn(const std::function<bool()>& idle);

  // Any thread. Ends the wait of RunTurn, which asks `idle` again. Costs a system call only when the loop waits.
  void Wake();

  // The loop's thread, in a callback: it does not wait now, so Wake need not wake it.
  void Awake() { waiting_.store(false, std::memory_order_relaxed); }

  // Destroys `dead` when nothing of it is on the stack any more: after this turn.
  template <typename T>
  void Bury(std::unique_ptr<T> dead) {
    dead_.emplace_back(dead.release(), [](void* object) { delete static_cast<T*>(object); });
  }
  void DestroyBuried();

 private:
  EventLoop() = default;

  event_base* base_ = nullptr;
  evdns_base* names_ = nullptr;
  event* woken_ = nullptr;
  int wake_fd_ = -1;
  std::atomic<bool> waiting_{false};
  std::vector<std::unique_ptr<void, void (*)(void*)>> dead_;
};

// Calls `callback` on the loop's thread at a time. Not thread-safe.
class Timer {
 public:
  Timer(EventLoop* loop, std::function<void()> callback);
  ~Timer();
  Timer(const Timer&) = delete;

  // Replaces the time set before. The callback may come a little early, and so asks the clock.
  void Set(Time now, Time at);
  // Only where no earlier time is set.
  void SetIfEarlier(Time now, Time at);
  void Cancel();
  bool set() const { return set_; }

 private:
  std::function<void()> callback_;
  event* event_;
  bool set_ = false;
  Time at_;
};

}  // namespace kindred::redis
