// A client of kindred.v1.ModelService, which a server has on its admin port for gRPC. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "clients/cpp/call_retry.h"
#include "kindred/v1/model_service.grpc.pb.h"

namespace kindred {

class ModelClient {
 public:
  // `address` as MakeChannel's.
  explicit ModelClient(const std::string& address, const ClientOptions& options = {});

  // Each makes one call, tried again as RecommendClient's are: all are idempotent but RollbackModel without
  // `from_version`, which is made once. Those that load answer when they are done, so that options.timeout is for that;
  // what the server has begun goes on when nobody waits any more.
  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request);
  absl::StatusOr<v1::GetModelResponse> GetModel(const v1::GetModelRequest& request);
  absl::StatusOr<v1::LoadVersionResponse> LoadVersion(const v1::LoadVersionRequest& request);
  absl::StatusOr<v1::ValidateVersionResponse> ValidateVersion(const v1::ValidateVersionRequest& request);
  absl::StatusOr<v1::ActivateVersionResponse> ActivateVersion(const v1::ActivateVersionRequest& request);
  absl::StatusOr<v1::RollbackModelResponse> RollbackModel(const v1::RollbackModelRequest& request);
  absl::StatusOr<v1::UnloadVersionResponse> UnloadVersion(const v1::UnloadVersionRequest& request);
  absl::StatusOr<v1::SetLabelResponse> SetLabel(const v1::SetLabelRequest& request);

  // Ends the calls in flight, and all after them, with CANCELLED.
  void Cancel();

 private:
  using Stub = v1::ModelService::Stub;

  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const Request& request,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                int max_attempts);

  const ClientOptions options_;
  const std::unique_ptr<Stub> stub_;
  std::mutex mutex_;
  std::set<grpc::ClientContext*> in_flight_;  // guarded by mutex_, as the next
  bool cancelled_ = false;
};

}  // namespace kindred
