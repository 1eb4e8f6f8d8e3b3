#include "server/rpc/queued_stream.h"

#include <utility>

#include "server/grpc_status.h"

namespace kindred::rpc {

QueuedStream::QueuedStream(Worker* worker, CallCounters* counters, const RequestStream* request_stream,
                           std::unique_ptr<ServerStreamCallBase> call)
    : QueuedCall(worker, counters, call.get()), request_stream_(request_stream), call_(std::move(call)) {}

void QueuedStream::RequestNext(void* tag) {
  writer_.emplace(&*context_);
  (*request_stream_)(&*context_, &request_bytes_, &*writer_, worker_->queue(), worker_->queue(), tag);
}

void QueuedStream::Open() {
  const absl::Status opened = call_->Open();
  if (!opened.ok()) return Finish(opened);
  Step();
}

void QueuedStream::GoOn(bool ok) {
  // Not ok: the message did not go out, so the call is broken; that it is over may not have been heard yet.
  if (!ok) call_->Cancel();
  const absl::Status standing = call_->Standing();
  if (!standing.ok()) return Finish(standing);
  Step();
}

void QueuedStream::Step() {
  const absl::StatusOr<StreamStep> step = call_->Next();
  if (!step.ok()) return Finish(step.status());
  switch (*step) {
    case StreamStep::kMessage: {
      response_bytes_.Clear();
      const grpc::Status serialized = SerializeResponse(call_->response(), &response_bytes_);
      call_->ClearResponse();
      if (!serialized.ok()) return End(serialized);
      writer_->Write(response_bytes_, static_cast<Tag*>(this));
      return;
    }
    case StreamStep::kAgain:
      return Again();
    case StreamStep::kWait:
      return;
    case StreamStep::kEnd:
      return Finish(absl::OkStatus());
  }
}

void QueuedStream::Finish(const absl::Status& status) { End(ToGrpcStatus(status)); }

void QueuedStream::End(const grpc::Status& result) {
  call_->Close();
  BeforeFinish(result.error_code());
  writer_->Finish(result, static_cast<Tag*>(this));
}

}  // namespace kindred::rpc
