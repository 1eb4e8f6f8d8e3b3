#include "server/redis/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "absl/status/status.h"

namespace kindred::redis {

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  const auto failed = [] {
    return absl::ResourceExhaustedError("the Redis client cannot make its event loop; raise the limit of open files");
  };
  event_config* const config = event_config_new();
  if (config == nullptr) return failed();
  // Without it epoll's milliseconds are the finest that a timer can be.
  event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  loop->base_ = event_base_new_with_config(config);
  event_config_free(config);
  if (loop->base_ == nullptr) return failed();
  loop->names_ = evdns_base_new(loop->base_, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
  if (loop->names_ == nullptr) {
    // Without /etc/resolv.conf the names of /etc/hosts are still there.
    loop->names_ = evdns_base_new(loop->base_, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (loop->names_ != nullptr) evdns_base_load_hosts(loop->names_, "/etc/hosts");
  }
  loop->wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (loop->wake_fd_ < 0) return failed();
  // Edge-triggered: every write wakes it, and nobody needs to read.
  loop->woken_ = event_new(
      loop->base_, loop->wake_fd_, EV_READ | EV_ET | EV_PERSIST, [](evutil_socket_t, short, void*) {}, nullptr);
  if (loop->woken_ == nullptr || event_add(loop->woken_, nullptr) != 0) return failed();
  return loop;
}

EventLoop::~EventLoop() {
  DestroyBuried();
  if (names_ != nullptr) {
    evdns_base_free(names_, 1);
    // The callbacks of look-ups that were cut off are run by the loop.
    event_base_loop(base_, EVLOOP_NONBLOCK);
  }
  if (woken_ != nullptr) event_free(woken_);
  if (wake_fd_ >= 0) close(wake_fd_);
  if (base_ != nullptr) event_base_free(base_);
}

void EventLoop::RunTurn(const std::function<bool()>& idle) {
  waiting_.store(true, std::memory_order_seq_cst);
  if (idle()) {
    event_base_loop(base_, EVLOOP_ONCE);
    waiting_.store(false, std::memory_order_relaxed);
  } else {
    waiting_.store(false, std::memory_order_relaxed);
    event_base_loop(base_, EVLOOP_NONBLOCK);
  }
}

void EventLoop::Wake() {
  if (!waiting_.load(std::memory_order_seq_cst) || !waiting_.exchange(false, std::memory_order_seq_cst)) return;
  const uint64_t one = 1;
  // Cannot fail but by overflow, and then it is readable anyway.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

void EventLoop::DestroyBuried() {
  while (!dead_.empty()) std::exchange(dead_, {}).clear();
}

Timer::Timer(EventLoop* loop, std::function<void()> callback) : callback_(std::move(callback)) {
  event_ = evtimer_new(
      loop->base(),
      [](evutil_socket_t, short, void* timer) {
        static_cast<Timer*>(timer)->set_ = false;
        static_cast<Timer*>(timer)->callback_();
      },
      this);
  if (event_ == nullptr) throw std::bad_alloc();
}

Timer::~Timer() { event_free(event_); }

void Timer::Set(Time now, Time at) {
  const auto left = std::max(at - now, Time::duration::zero());
  const auto us = std::chrono::ceil<std::chrono::microseconds>(left).count();
  const timeval wait{us / 1'000'000, us % 1'000'000};
  evtimer_add(event_, &wait);
  set_ = true;
  at_ = at;
}

void Timer::SetIfEarlier(Time now, Time at) {
  if (!set_ || at < at_) Set(now, at);
}

void Timer::Cancel() {
  evtimer_del(event_);
  set_ = false;
}

}  // namespace kindred::redis
