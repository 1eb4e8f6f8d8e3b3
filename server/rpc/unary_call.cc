#include "server/rpc/unary_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include "absl/strings/str_format.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/rpc/malformed_request.h"

namespace kindred::rpc {
namespace {

google::protobuf::ArenaOptions ArenaOn(char* block, size_t size_bytes) {
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = size_bytes;
  return options;
}

}  // namespace

UnaryCallBase::UnaryCallBase(Worker* worker, const RequestCall* request_call, CallCounters* counters)
    : worker_(worker),
      request_call_(request_call),
      counters_(counters),
      initial_block_(new char[limits::kCallArenaBytes]),
      arena_(ArenaOn(initial_block_.get(), limits::kCallArenaBytes)) {}

void UnaryCallBase::Post() {
  request_ = nullptr;
  response_ = nullptr;
  arena_.Reset();
  request_bytes_.Clear();
  response_bytes_.Clear();
  context_.emplace();
  writer_.emplace(&*context_);
  state_ = State::kWaiting;
  (*request_call_)(&*context_, &request_bytes_, &*writer_, worker_->queue(), worker_->queue(), static_cast<Tag*>(this));
}

void UnaryCallBase::Proceed(bool ok) {
  if (state_ == State::kWaiting) {
    // Not ok: the server shuts down. A request that came in with the shutdown is dropped; its context cancels it.
    if (!ok || worker_->stopping()) return;
    begin_ = std::chrono::steady_clock::now();
    counters_->started.Add(1);
    state_ = State::kHandling;
    request_ = NewRequest(&arena_);
    response_ = NewResponse(&arena_);
    const absl::Status status = ReadRequest();
    if (status.ok()) {
      Handle();
    } else {
      Finish(status);
    }
    return;
  }
  counters_->handled[code_].Add(1);
  counters_->Observe(std::chrono::duration_cast<std::chrono::nanoseconds>(end_ - begin_).count());
  if (!worker_->stopping()) Post();
}

absl::Status UnaryCallBase::ReadRequest() {
  if (worker_->refusing()) return WithReason(absl::UnavailableError("the server is shutting down"), "SHUTTING_DOWN");
  const gpr_timespec deadline = context_->raw_deadline();
  if (gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) <= 0) {
    return absl::DeadlineExceededError("the deadline passed before the call was looked at");
  }
  grpc::ProtoBufferReader reader(&request_bytes_);
  if (request_->ParseFromZeroCopyStream(&reader) && reader.status().ok()) return absl::OkStatus();
  return MalformedRequestError(*request_->GetDescriptor(), request_bytes_);
}

void UnaryCallBase::Finish(const absl::Status& status) {
  grpc::Status result = grpc::Status::OK;
  if (status.ok()) {
    const size_t size = response_->ByteSizeLong();
    bool own_buffer = false;
    if (size > limits::kMaxResponseBytes) {
      result = ToGrpcStatus(WithReason(
          absl::ResourceExhaustedError(absl::StrFormat("the answer would be %d bytes, above the limit of %d; ask for "
                                                       "fewer items, or for less about each",
                                                       size, limits::kMaxResponseBytes)),
          "RESPONSE_TOO_LARGE"));
    } else {
      result = grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(*response_, &response_bytes_,
                                                                                          &own_buffer);
    }
  } else {
    result = ToGrpcStatus(status);
  }
  code_ = result.error_code();
  end_ = std::chrono::steady_clock::now();
  state_ = State::kFinishing;
  // Last: from here on the call may already be finished and reused by its worker.
  if (result.ok()) {
    writer_->Finish(response_bytes_, result, static_cast<Tag*>(this));
  } else {
    writer_->FinishWithError(result, static_cast<Tag*>(this));
  }
}

}  // namespace kindred::rpc
