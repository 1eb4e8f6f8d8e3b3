#include "server/rpc/queued_unary.h"

#include <utility>

#include "server/grpc_status.h"

namespace kindred::rpc {

QueuedUnary::QueuedUnary(Worker* worker, CallCounters* counters, const RequestCall* request_call,
                         std::unique_ptr<UnaryCallBase> call)
    : QueuedCall(worker, counters, call.get()), request_call_(request_call), call_(std::move(call)) {}

void QueuedUnary::RequestNext(void* tag) {
  writer_.emplace(&*context_);
  (*request_call_)(&*context_, &request_bytes_, &*writer_, worker_->queue(), worker_->queue(), tag);
}

void QueuedUnary::GoOn(bool /*ok*/) {
  const absl::Status standing = call_->Standing();
  if (standing.ok()) {
    call_->Handle();
  } else {
    Finish(standing);
  }
}

void QueuedUnary::Finish(const absl::Status& status) {
  const grpc::Status result =
      status.ok() ? SerializeResponse(*call_->response_message(), &response_bytes_) : ToGrpcStatus(status);
  call_->DropState();
  BeforeFinish(result.error_code());
  if (result.ok()) {
    writer_->Finish(response_bytes_, result, static_cast<Tag*>(this));
  } else {
    writer_->FinishWithError(result, static_cast<Tag*>(this));
  }
}

}  // namespace kindred::rpc
