// ModelService and RecommendationService in this process, which do as a test says.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kindred/v1/model_service.grpc.pb.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"

namespace kindred::testing {

class FakeModels final : public v1::ModelService::Service {
 public:
  grpc::Status ListModels(grpc::ServerContext*, const v1::ListModelsRequest*,
                          v1::ListModelsResponse* response) override {
    const std::lock_guard lock(mutex);
    *response->add_models() = model;
    return grpc::Status::OK;
  }
  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest*, v1::GetModelResponse* response) override {
    ++looks;
    const std::lock_guard lock(mutex);
    *response->mutable_model() = model;
    return grpc::Status::OK;
  }
  grpc::Status LoadVersion(grpc::ServerContext* context, const v1::LoadVersionRequest* request,
                           v1::LoadVersionResponse* response) override {
    ++loads;
    while (held && !context->IsCancelled()) std::this_thread::yield();
    if (!refusal.ok()) return refusal;
    response->mutable_version()->set_version(request->version());
    response->mutable_version()->set_state(v1::VERSION_STATE_READY);
    return grpc::Status::OK;
  }
  grpc::Status RollbackModel(grpc::ServerContext*, const v1::RollbackModelRequest*,
                             v1::RollbackModelResponse*) override {
    ++rollbacks;
    return refusal;
  }

  std::mutex mutex;
  v1::ServedModel model;  // guarded by mutex
  std::atomic<bool> held{false};
  std::atomic<int> loads{0}, looks{0}, rollbacks{0};
  grpc::Status refusal;
};

class FakeRanking final : public v1::RecommendationService::Service {
 public:
  grpc::Status Recommend(grpc::ServerContext*, const v1::RecommendRequest* request,
                         v1::RecommendResponse* response) override {
    asked.push_back(*request);
    *response = answer;
    return status;
  }

  std::vector<v1::RecommendRequest> asked;
  v1::RecommendResponse answer;
  grpc::Status status;
};

class FakeServer {
 public:
  FakeServer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&models);
    builder.RegisterService(&ranking);
    server_ = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~FakeServer() { server_->Shutdown(); }

  FakeModels models;
  FakeRanking ranking;
  std::string address;

 private:
  std::unique_ptr<grpc::Server> server_;
};

// A version of the model "groceries".
inline v1::ModelVersion* AddVersion(v1::ServedModel* model, uint64_t number, v1::VersionState state) {
  model->set_model("groceries");
  v1::ModelVersion* version = model->add_versions();
  version->set_version(number);
  version->set_state(state);
  return version;
}

}  // namespace kindred::testing
