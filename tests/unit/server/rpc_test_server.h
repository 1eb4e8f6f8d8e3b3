// The call skeleton under a real client, with handlers of the test behind two methods of the API: GetProfile, unary,
// and StreamRecommend, which answers with a stream.
#pragma once

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "kindred/v1/recommendation_service.grpc.pb.h"
#include "server/rpc/rpc_server.h"

namespace kindred::rpc {

class RpcTestServer : public ::testing::Test {
 protected:
  using Service = v1::RecommendationService;
  using Raw = Service::WithRawMethod_GetProfile<Service::WithRawMethod_StreamRecommend<Service::Service>>;
  using Call = UnaryCall<v1::GetProfileRequest, v1::GetProfileResponse>;
  using Stream = ServerStreamCall<v1::StreamRecommendRequest, v1::StreamRecommendResponse>;
  using Source = MessageSource<v1::StreamRecommendResponse>;
  static constexpr uint32_t kUnary = 0, kStream = 1;  // in the statistics

  static void Echo(Call* call) {
    call->response()->set_user_id(call->request().user_id());
    call->Finish(absl::OkStatus());
  }
  static absl::StatusOr<std::unique_ptr<Source>> NoStream(Stream*) { return absl::NotFoundError("no stream here"); }

  static RpcServerOptions OneThread(uint32_t calls_per_method = 4) {
    RpcServerOptions options;
    options.threads = 1;
    options.calls_per_method = calls_per_method;
    return options;
  }

  // Adds both methods; what Serve starts.
  void Make(Call::Handler unary, Stream::Handler stream, RpcServerOptions options) {
    options.listen = "127.0.0.1:0";
    server_.reset();
    raw_ = std::make_unique<Raw>();  // a service is of one server only
    server_ = std::make_unique<RpcServer>(options);
    server_->AddService(&*raw_);
    server_->AddUnary<v1::GetProfileRequest, v1::GetProfileResponse>(
        {"kindred.v1.RecommendationService", "GetProfile"},
        [this](grpc::ServerContext* context, grpc::ByteBuffer* bytes, RawWriter* writer, grpc::CompletionQueue* calls,
               grpc::ServerCompletionQueue* notifications,
               void* tag) { raw_->RequestGetProfile(context, bytes, writer, calls, notifications, tag); },
        std::move(unary));
    server_->AddServerStream<v1::StreamRecommendRequest, v1::StreamRecommendResponse>(
        {"kindred.v1.RecommendationService", "StreamRecommend"},
        [this](grpc::ServerContext* context, grpc::ByteBuffer* bytes, RawStreamWriter* writer,
               grpc::CompletionQueue* calls, grpc::ServerCompletionQueue* notifications,
               void* tag) { raw_->RequestStreamRecommend(context, bytes, writer, calls, notifications, tag); },
        std::move(stream));
  }

  void Serve(Call::Handler unary, Stream::Handler stream, RpcServerOptions options = OneThread()) {
    Make(std::move(unary), std::move(stream), std::move(options));
    const absl::Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started;
    stub_ = Connect();
  }

  // A client with a connection of its own.
  std::unique_ptr<Service::Stub> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return Service::NewStub(
        grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), arguments));
  }

  static void SetTimeout(grpc::ClientContext* context, int timeout_ms = 20'000) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
  }

  grpc::Status Ask(const std::string& user_id, v1::GetProfileResponse* response, int timeout_ms = 20'000) {
    grpc::ClientContext context;
    SetTimeout(&context, timeout_ms);
    v1::GetProfileRequest request;
    request.set_user_id(user_id);
    return stub_->GetProfile(&context, request, response);
  }

  // Calls of a method that were begun, and that were answered with `code`.
  uint64_t Started(uint32_t method) const {
    uint64_t sum = 0;
    for (uint32_t w = 0; w < server_->stats().workers(); ++w) sum += server_->stats().cell(method, w).started.value();
    return sum;
  }
  uint64_t Handled(uint32_t method, grpc::StatusCode code) const {
    uint64_t sum = 0;
    for (uint32_t w = 0; w < server_->stats().workers(); ++w) {
      sum += server_->stats().cell(method, w).handled[code].value();
    }
    return sum;
  }

  // Waits until it is so; false after 20 s.
  static bool Await(const std::function<bool()>& so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!so()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  bool AwaitHandled(uint32_t method, grpc::StatusCode code, uint64_t count) const {
    return Await([&] { return Handled(method, code) >= count; });
  }

  std::unique_ptr<Raw> raw_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<Service::Stub> stub_;
};

}  // namespace kindred::rpc
