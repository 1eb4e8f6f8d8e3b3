// A reusable call on a completion queue: waits for a request, has it handled, sends the answer, waits again. What unary
// and streaming calls share: the request, cancellation, statistics, and when the call may be used again.
//
// gRPC hands back two tags for a call that has begun: that of its last step, and that it is over (AsyncNotifyWhenDone),
// in either order; only when both are here is the context free. A call that never begins has neither.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "server/rpc/call.h"
#include "server/rpc/call_stats.h"
#include "server/rpc/tag.h"
#include "server/rpc/worker.h"

namespace kindred::rpc {

class QueuedCall : public Tag, public Call::Carrier {
 public:
  // `call` is what this carries, and outlives it.
  QueuedCall(Worker* worker, CallCounters* counters, Call* call);
  virtual ~QueuedCall() = default;
  QueuedCall(const QueuedCall&) = delete;
  QueuedCall& operator=(const QueuedCall&) = delete;

  // Takes the next call. Runs before the worker starts, then on its thread.
  void Post();
  void Proceed(bool ok) final;

  void Again() final { worker_->Rest(this); }
  void Pause() final { worker_->Park(); }
  void Resume() final { worker_->Unpark(&resume_alarm_, static_cast<Tag*>(&resume_tag_)); }
  void Look() final { worker_->Look(); }

 protected:
  // Asks gRPC for the next call of the method, to be told by `tag`.
  virtual void RequestNext(void* tag) = 0;
  // The request is there and good.
  virtual void Open() = 0;
  // Something that was begun has happened (`ok` as of the queue), or it is this call's turn after Again or
  // Resume.
  virtual void GoOn(bool ok) = 0;
  // The server ends: nothing may be begun any more.
  virtual void Abandon() = 0;

  // To be called right before the last step is handed to gRPC, with this as its tag: from then on the call may be over
  // and used again at any moment.
  void BeforeFinish(grpc::StatusCode code);

  Worker* const worker_;
  std::optional<grpc::ServerContext> context_;
  grpc::ByteBuffer request_bytes_;
  grpc::ByteBuffer response_bytes_;

 private:
  enum class State : uint8_t { kWaiting, kRunning, kFinishing };

  struct DoneTag final : Tag {
    explicit DoneTag(QueuedCall* call) : call(call) {}
    void Proceed(bool ok) override { call->OnDone(); }
    bool prompt() const override { return true; }
    QueuedCall* const call;
  };

  struct ResumeTag final : Tag {
    explicit ResumeTag(QueuedCall* call) : call(call) {}
    void Proceed(bool ok) override {
      call->worker_->Unparked();
      call->Proceed(ok);
    }
    QueuedCall* const call;
  };

  absl::Status ReadRequest();
  void OnDone();

  CallCounters* const counters_;
  Call* const call_;
  DoneTag done_tag_{this};
  ResumeTag resume_tag_{this};
  grpc::Alarm resume_alarm_;  // set again only after its tag came: a call is resumed once a pause
  State state_ = State::kWaiting;
  bool finished_ = false, done_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point end_;
};

// `response` as bytes; RESOURCE_EXHAUSTED when it is too large.
grpc::Status SerializeResponse(const google::protobuf::Message& response, grpc::ByteBuffer* bytes);

}  // namespace kindred::rpc
