// RecommendationService behind a real server of one thread, with a store of the test's.
#pragma once

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "server/recommendation_service.h"
#include "server/rpc/rpc_server.h"
#include "tests/unit/server/test_model.h"

namespace kindred::testing {

class ServiceTestServer : public ::testing::Test {
 protected:
  using Stub = v1::RecommendationService::Stub;

  // `store` must outlive the test's server.
  void Serve(ProfileStore* store, rpc::RpcServerOptions options = {}) {
    Publish(1);
    options.listen = "127.0.0.1:0";
    writer_ = std::make_unique<ProfileWriter>(store, ProfileWriterOptions());
    service_ = std::make_unique<RecommendationService>(&models_, &availability_, store, writer_.get(), options.threads,
                                                       required_durability_, answers_, shadow_for_service_, log_);
    server_ = std::make_unique<rpc::RpcServer>(options);
    service_->Register(server_.get());
    const absl::Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started;
    stub_ = Connect();
  }

  // As a server stops.
  void Stop(std::chrono::milliseconds timeout) {
    if (server_ == nullptr) return;
    server_->Drain(timeout);
    Halt();
  }
  // The same of one that was drained.
  void Halt() {
    writer_->Stop();
    server_->Stop();
    stub_.reset();
    server_.reset();
    service_.reset();
    writer_.reset();
  }

  // Serves a generation of its own; returns its digest.
  std::string Publish(uint32_t seed) {
    BundleShape shape;
    shape.seed = seed;
    const ModelHandle model = LoadTestModel(BundleBuilder(shape));
    models_.Publish(model);
    return std::string(model->digest());
  }

  std::unique_ptr<Stub> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::RecommendationService::NewStub(
        grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), arguments));
  }

  static void SetTimeout(grpc::ClientContext* context, int timeout_ms = 20'000) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
  }

  // A call of any unary method.
  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request, Response* response, int timeout_ms = 20'000) {
    grpc::ClientContext context;
    SetTimeout(&context, timeout_ms);
    return ((*stub_).*method)(&context, request, response);
  }
  v1::RecommendResponse Recommend(const std::string& user_id) {
    v1::RecommendRequest request;
    request.mutable_subject()->set_user_id(user_id);
    v1::RecommendResponse response;
    const grpc::Status status = Ask(&Stub::Recommend, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
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

  StoreDurability required_durability_ = StoreDurability::kJournal;
  AnswerCache* answers_ = nullptr;
  ShadowScorer* shadow_for_service_ = nullptr;
  RequestLog* log_ = nullptr;
  ModelRegistry models_;
  AvailabilityRegistry availability_;
  std::unique_ptr<ProfileWriter> writer_;
  std::unique_ptr<RecommendationService> service_;
  std::unique_ptr<rpc::RpcServer> server_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace kindred::testing
