// A server-streaming call on a completion queue: at any time either one message is with gRPC, or the call waits for its
// turn (Worker::Rest) or for another thread (Worker::Park), or its source works.
#pragma once

#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>

#include "server/rpc/queued_call.h"
#include "server/rpc/server_stream_call.h"

namespace kindred::rpc {

using RawStreamWriter = grpc::ServerAsyncWriter<grpc::ByteBuffer>;
// As RequestCall, of a method that answers with a stream.
using RequestStream = std::function<void(grpc::ServerContext*, grpc::ByteBuffer*, RawStreamWriter*,
                                         grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*)>;

class QueuedStream final : public QueuedCall {
 public:
  QueuedStream(Worker* worker, CallCounters* counters, const RequestStream* request_stream,
               std::unique_ptr<ServerStreamCallBase> call);

  void Finish(const absl::Status& status) override;

 private:
  void RequestNext(void* tag) override;
  void Open() override;
  void GoOn(bool ok) override;
  void Abandon() override { call_->Close(); }
  // Asks the source, and does what it says.
  void Step();
  void End(const grpc::Status& result);

  const RequestStream* const request_stream_;
  const std::unique_ptr<ServerStreamCallBase> call_;
  std::optional<RawStreamWriter> writer_;
};

}  // namespace kindred::rpc
