#include "server/rpc/worker.h"

#include <pthread.h>

#include <string>

namespace kindred::rpc {

void Worker::Start() { thread_ = std::thread(&Worker::Run, this); }

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
  worker->queue_->Shutdown();
}

void Worker::Run() {
  pthread_setname_np(pthread_self(), ("rpc-" + std::to_string(index_)).c_str());
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<Tag*>(tag)->Proceed(ok);
}

}  // namespace kindred::rpc
