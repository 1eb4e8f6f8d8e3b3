#include "server/rpc/worker.h"

#include <pthread.h>

#include <string>

namespace kindred::rpc {
namespace {

constexpr int64_t kIdleMs = 1000;

}  // namespace

void Worker::Start() {
  if (on_idle_) SetIdleTime();
  thread_ = std::thread(&Worker::Run, this);
}

void Worker::SetIdleTime() {
  idle_time_ = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(kIdleMs, GPR_TIMESPAN));
}

void Worker::Stop() {
  if (!thread_.joinable()) {
    // Never ran: the queue still has to be drained before it may go.
    queue_->Shutdown();
    Run();
    return;
  }
  stop_alarm_.Set(queue_.get(), gpr_now(GPR_CLOCK_MONOTONIC), &stop_tag_);
  thread_.join();
}

void Worker::StopTag::Proceed(bool ok) {
  worker->stopping_ = true;
  worker->ShutdownQueue();
}

void Worker::ShutdownQueue() {
  // For each that is parked another thread will post an event still.
  if (parked_ == 0) queue_->Shutdown();
}

void Worker::Unparked() {
  --parked_;
  if (stopping_) ShutdownQueue();
}

void Worker::Look() {
  // A handler that was handed to another thread must not run this one's events.
  if (std::this_thread::get_id() != thread_id_.load(std::memory_order_relaxed)) return;
  void* tag = nullptr;
  bool ok = false;
  while (queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)) == grpc::CompletionQueue::GOT_EVENT) {
    auto* const event = static_cast<Tag*>(tag);
    if (event->prompt()) {
      event->Proceed(ok);
    } else {
      seen_.push_back({event, ok});
    }
  }
}

void Worker::RunTurn() {
  Look();
  turn_.swap(seen_);
  for (const Event& event : turn_) event.tag->Proceed(event.ok);
  turn_.clear();
  if (resting_.empty()) return;
  Tag* const tag = resting_.front();
  resting_.pop_front();
  tag->Proceed(!stopping_);
}

bool Worker::Await(Event* event) {
  for (;;) {
    void* tag = nullptr;
    // An event that is there goes before a time that has passed, so a busy worker reads no clock for this.
    switch (queue_->AsyncNext(&tag, &event->ok, idle_time_)) {
      case grpc::CompletionQueue::GOT_EVENT:
        event->tag = static_cast<Tag*>(tag);
        return true;
      case grpc::CompletionQueue::SHUTDOWN:
        return false;
      case grpc::CompletionQueue::TIMEOUT:
        on_idle_();
        SetIdleTime();
    }
  }
}

void Worker::Run() {
  pthread_setname_np(pthread_self(), ("rpc-" + std::to_string(index_)).c_str());
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  Event event{};
  while (true) {
    if (!seen_.empty() || !resting_.empty()) {
      RunTurn();
    } else if (Await(&event)) {
      event.tag->Proceed(event.ok);
    } else {
      return;
    }
  }
}

}  // namespace kindred::rpc
