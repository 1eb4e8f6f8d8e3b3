// What a completion queue hands back: one step of one call.
#pragma once

namespace kindred::rpc {

class Tag {
 public:
  // `ok` as grpc::CompletionQueue::Next reports it. Runs on the queue's thread.
  virtual void Proceed(bool ok) = 0;

 protected:
  ~Tag() = default;
};

}  // namespace kindred::rpc
