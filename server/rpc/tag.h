// What a completion queue hands back: one step of one call.
#pragma once

namespace kindred::rpc {

class Tag {
 public:
  // `ok` as grpc::CompletionQueue::Next reports it. Runs on the queue's thread.
  virtual void Proceed(bool ok) = 0;
  // True: this only takes note of something, and may run while another call's handler does (Worker::Look).
  virtual bool prompt() const { return false; }

 protected:
  ~Tag() = default;
};

}  // namespace kindred::rpc
