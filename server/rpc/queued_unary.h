// A unary call on a completion queue.
#pragma once

#include <grpcpp/support/async_unary_call.h>

#include <functional>
#include <memory>

#include "server/rpc/queued_call.h"
#include "server/rpc/unary_call.h"

namespace kindred::rpc {

using RawWriter = grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>;
// Asks gRPC for the next call of one method, as bytes: a generated service's Request<Method> of WithRawMethod_<Method>.
using RequestCall = std::function<void(grpc::ServerContext*, grpc::ByteBuffer*, RawWriter*, grpc::CompletionQueue*,
                                       grpc::ServerCompletionQueue*, void*)>;

class QueuedUnary final : public QueuedCall {
 public:
  QueuedUnary(Worker* worker, CallCounters* counters, const RequestCall* request_call,
              std::unique_ptr<UnaryCallBase> call);

  void Finish(const absl::Status& status) override;

 private:
  void RequestNext(void* tag) override;
  void Open() override { call_->Handle(); }
  void GoOn(bool ok) override;
  void Abandon() override { call_->DropState(); }

  const RequestCall* const request_call_;
  const std::unique_ptr<UnaryCallBase> call_;
  std::optional<RawWriter> writer_;
};

}  // namespace kindred::rpc
