// One completion queue and the thread that drains it: all calls whose connection landed on this queue run here.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "server/rpc/tag.h"

namespace kindred::rpc {

class Worker {
 public:
  Worker(uint32_t index, std::unique_ptr<grpc::ServerCompletionQueue> queue)
      : index_(index), queue_(std::move(queue)), stop_tag_(this) {}
  // REQUIRES: Stop was called, when Start was.
  ~Worker() = default;

  uint32_t index() const { return index_; }
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }

  // True once this worker takes no more calls. Only its own thread asks.
  bool stopping() const { return stopping_; }

  // From now on new calls are answered UNAVAILABLE.
  void Refuse() { refusing_.store(true, std::memory_order_relaxed); }
  bool refusing() const { return refusing_.load(std::memory_order_relaxed); }

  // Reads the network and takes the events that are there, without waiting for any: prompt ones run, the others run, in
  // their order, when the handler that asks has returned. About a microsecond. On any other thread this does nothing.
  void Look();
  // Has `tag` proceed once, when the events that are there by then have run: long work goes on step by step. When the
  // worker stops first, with false. REQUIRES: on the worker's thread.
  void Rest(Tag* tag) { resting_.push_back(tag); }

  // One more tag waits for another thread: the worker does not end before it was unparked. REQUIRES: on its thread.
  void Park() { ++parked_; }
  // Has the parked tag proceed once, as an event that happened; it calls Unparked then. `alarm` is the tag's own. About
  // a microsecond, on any thread.
  void Unpark(grpc::Alarm* alarm, Tag* tag) { alarm->Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), tag); }
  void Unparked();

  // Has `then` called on the worker's thread about once a second when nothing waits to be run, so that what it keeps
  // from call to call does not stay for ever where no call comes. Costs calls nothing. Before Start.
  void OnIdle(std::function<void()> then) { on_idle_ = std::move(then); }

  void Start();
  // Waits for what is parked, drains the queue and joins the thread. REQUIRES: the gRPC server has shut down, and no
  // other thread finishes calls of this worker any more.
  void Stop();

 private:
  // Runs on the worker's thread, so that no call is posted to a queue that is shutting down.
  struct StopTag final : Tag {
    explicit StopTag(Worker* worker) : worker(worker) {}
    void Proceed(bool ok) override;
    Worker* worker;
  };
  struct Event {
    Tag* tag;
    bool ok;
  };

  void Run();
  // Waits for the next event; false when the queue has shut down and is empty.
  bool Await(Event* event);
  void SetIdleTime();
  // Runs what is in seen_ and resting_: all events that are there, then one step of long work.
  void RunTurn();
  // When nothing may post to the queue any more.
  void ShutdownQueue();

  const uint32_t index_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  StopTag stop_tag_;
  grpc::Alarm stop_alarm_;
  std::thread thread_;
  bool stopping_ = false;
  std::atomic<bool> refusing_{false};
  // Of the worker's thread.
  std::atomic<std::thread::id> thread_id_;                        // others compare theirs with it
  std::function<void()> on_idle_;                                 // may be empty
  gpr_timespec idle_time_ = gpr_inf_future(GPR_CLOCK_MONOTONIC);  // when it is due
  uint32_t parked_ = 0;
  std::vector<Event> seen_;   // taken from the queue by Look
  std::vector<Event> turn_;   // those that run now
  std::deque<Tag*> resting_;  // long work, in the order of its turns
};

}  // namespace kindred::rpc
