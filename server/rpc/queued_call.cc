#include "server/rpc/queued_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include "server/grpc_status.h"
#include "server/rpc/malformed_request.h"

namespace kindred::rpc {

QueuedCall::QueuedCall(Worker* worker, CallCounters* counters, Call* call)
    : worker_(worker), counters_(counters), call_(call) {}

void QueuedCall::Post() {
  call_->Clear();
  request_bytes_.Clear();
  response_bytes_.Clear();
  context_.emplace();
  context_->AsyncNotifyWhenDone(static_cast<Tag*>(&done_tag_));
  state_ = State::kWaiting;
  finished_ = done_ = false;
  RequestNext(static_cast<Tag*>(this));
}

void QueuedCall::Proceed(bool ok) {
  switch (state_) {
    case State::kWaiting: {
      // Not ok: the server shuts down. A request that came in with the shutdown is dropped; its context cancels it.
      if (!ok || worker_->stopping()) return;
      begin_ = std::chrono::steady_clock::now();
      counters_->started.Add(1);
      state_ = State::kRunning;
      call_->Begin(this, worker_->index(), context_->raw_deadline());
      call_->BeginStep(begin_);
      const absl::Status status = ReadRequest();
      if (status.ok()) {
        Open();
      } else {
        Finish(status);
      }
      return;
    }
    case State::kRunning:
      if (worker_->stopping()) return Abandon();
      call_->BeginStep(std::chrono::steady_clock::now());
      return GoOn(ok);
    case State::kFinishing:
      counters_->handled[code_].Add(1);
      counters_->Observe(std::chrono::duration_cast<std::chrono::nanoseconds>(end_ - begin_).count());
      finished_ = true;
      if (done_ && !worker_->stopping()) Post();
      return;
  }
}

void QueuedCall::OnDone() {
  done_ = true;
  // Also when the call ended as it should: nobody asks then.
  call_->Cancel();
  if (finished_ && !worker_->stopping()) Post();
}

absl::Status QueuedCall::ReadRequest() {
  if (worker_->refusing()) return WithReason(absl::UnavailableError("the server is shutting down"), "SHUTTING_DOWN");
  absl::Status standing = call_->Standing();
  if (!standing.ok()) return standing;
  grpc::ProtoBufferReader reader(&request_bytes_);
  if (call_->request_message()->ParseFromZeroCopyStream(&reader) && reader.status().ok()) return absl::OkStatus();
  return MalformedRequestError(*call_->request_message()->GetDescriptor(), request_bytes_);
}

void QueuedCall::BeforeFinish(grpc::StatusCode code) {
  code_ = code;
  end_ = std::chrono::steady_clock::now();
  state_ = State::kFinishing;
}

grpc::Status SerializeResponse(const google::protobuf::Message& response, grpc::ByteBuffer* bytes) {
  const absl::Status fits = CheckResponseSize(response);
  if (!fits.ok()) return ToGrpcStatus(fits);
  bool own_buffer = false;
  return grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(response, bytes, &own_buffer);
}

}  // namespace kindred::rpc
