// EchoService on the call skeleton of the server.
#pragma once

#include "echo.grpc.pb.h"
#include "server/rpc/rpc_server.h"

namespace kindred::bench {

class EchoServer {
 public:
  // As kindred-server configures its own.
  explicit EchoServer(rpc::RpcServerOptions options) : server_(std::move(options)) {
    server_.AddService(&raw_);
    server_.AddUnary<EchoRequest, EchoResponse>(
        {"kindred.bench.EchoService", "Echo"},
        [this](grpc::ServerContext* context, grpc::ByteBuffer* bytes, rpc::RawWriter* writer,
               grpc::CompletionQueue* calls, grpc::ServerCompletionQueue* notifications,
               void* tag) { raw_.RequestEcho(context, bytes, writer, calls, notifications, tag); },
        [](rpc::UnaryCall<EchoRequest, EchoResponse>* call) { call->Finish(absl::OkStatus()); });
  }

  absl::Status Start() { return server_.Start(); }
  const std::string& address() const { return server_.address(); }

 private:
  EchoService::WithRawMethod_Echo<EchoService::Service> raw_;
  rpc::RpcServer server_;
};

}  // namespace kindred::bench
