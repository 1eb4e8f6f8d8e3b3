// A reusable unary call: waits for a request, has it handled, sends the answer, waits again. Request and response live
// on an arena that is reset between calls, so after warm-up a call allocates only what gRPC itself does.
//
// A handler calls Finish exactly once: before it returns, or later from another thread. After Finish the call may
// already be serving someone else: touch nothing of it. Until then it belongs to the handler.
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "server/rpc/call_stats.h"
#include "server/rpc/tag.h"
#include "server/rpc/worker.h"

namespace kindred::rpc {

using RawWriter = grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>;
// Asks gRPC for the next call of one method, as bytes: a generated service's Request<Method> of WithRawMethod_<Method>.
using RequestCall = std::function<void(grpc::ServerContext*, grpc::ByteBuffer*, RawWriter*, grpc::CompletionQueue*,
                                       grpc::ServerCompletionQueue*, void*)>;

class UnaryCallBase : public Tag {
 public:
  UnaryCallBase(Worker* worker, const RequestCall* request_call, CallCounters* counters);
  virtual ~UnaryCallBase() = default;
  UnaryCallBase(const UnaryCallBase&) = delete;
  UnaryCallBase& operator=(const UnaryCallBase&) = delete;

  // Takes the next call. Runs before the worker starts, then on its thread.
  void Post();
  void Proceed(bool ok) final;

  // Which worker's state this call may use while its handler has not returned.
  uint32_t worker() const { return worker_->index(); }
  // The arena of request and response.
  google::protobuf::Arena* arena() { return &arena_; }
  // When the caller stops waiting; time_point::max() when it did not say.
  std::chrono::system_clock::time_point deadline() const { return context_->deadline(); }

  // Sends the response, or the error with its details. See the top of this file.
  void Finish(const absl::Status& status);

 protected:
  virtual google::protobuf::Message* NewRequest(google::protobuf::Arena* arena) = 0;
  virtual google::protobuf::Message* NewResponse(google::protobuf::Arena* arena) = 0;
  virtual void Handle() = 0;

  google::protobuf::Message* request_ = nullptr;
  google::protobuf::Message* response_ = nullptr;

 private:
  enum class State : uint8_t { kWaiting, kHandling, kFinishing };

  absl::Status ReadRequest();

  Worker* const worker_;
  const RequestCall* const request_call_;
  CallCounters* const counters_;
  std::unique_ptr<char[]> initial_block_;
  google::protobuf::Arena arena_;
  std::optional<grpc::ServerContext> context_;
  std::optional<RawWriter> writer_;
  grpc::ByteBuffer request_bytes_;
  grpc::ByteBuffer response_bytes_;
  State state_ = State::kWaiting;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point end_;
};

template <typename Req, typename Res>
class UnaryCall final : public UnaryCallBase {
 public:
  using Handler = std::function<void(UnaryCall*)>;

  UnaryCall(Worker* worker, const RequestCall* request_call, CallCounters* counters, const Handler* handler)
      : UnaryCallBase(worker, request_call, counters), handler_(handler) {}

  const Req& request() const { return static_cast<const Req&>(*request_); }
  Res* response() { return static_cast<Res*>(response_); }

 private:
  google::protobuf::Message* NewRequest(google::protobuf::Arena* arena) override {
    return google::protobuf::Arena::CreateMessage<Req>(arena);
  }
  google::protobuf::Message* NewResponse(google::protobuf::Arena* arena) override {
    return google::protobuf::Arena::CreateMessage<Res>(arena);
  }
  void Handle() override { (*handler_)(this); }

  const Handler* const handler_;
};

}  // namespace kindred::rpc
