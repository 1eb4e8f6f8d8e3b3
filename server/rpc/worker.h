// One completion queue and the thread that drains it: all calls whose connection landed on this queue run here.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

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

  void Start();
  // Drains the queue and joins the thread. REQUIRES: the gRPC server has shut down, and no other thread finishes calls
  // of this worker any more.
  void Stop();

 private:
  // Runs on the worker's thread, so that no call is posted to a queue that is shutting down.
  struct StopTag final : Tag {
    explicit StopTag(Worker* worker) : worker(worker) {}
    void Proceed(bool ok) override;
    Worker* worker;
  };

  void Run();

  const uint32_t index_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  StopTag stop_tag_;
  grpc::Alarm stop_alarm_;
  std::thread thread_;
  bool stopping_ = false;
  std::atomic<bool> refusing_{false};
};

}  // namespace kindred::rpc
