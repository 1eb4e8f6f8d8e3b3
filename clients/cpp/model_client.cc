#include "clients/cpp/model_client.h"

#include <grpcpp/grpcpp.h>

namespace kindred {

ModelClient::ModelClient(const std::string& address, const ClientOptions& options)
    : options_(options), stub_(v1::ModelService::NewStub(MakeChannel(address, options))) {}

template <typename Response, typename Request>
absl::StatusOr<Response> ModelClient::Call(const Request& request,
                                           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                        Response*),
                                           int max_attempts) {
  Response response;
  absl::Status status = CallWithRetries(options_, max_attempts, [&](grpc::ClientContext* context) {
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) return grpc::Status::CANCELLED;
      in_flight_.insert(context);
    }
    grpc::Status end = ((*stub_).*method)(context, request, &response);
    const std::lock_guard lock(mutex_);
    in_flight_.erase(context);
    return end;
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::ListModelsResponse> ModelClient::ListModels(const v1::ListModelsRequest& request) {
  return Call(request, &Stub::ListModels, options_.max_attempts);
}

absl::StatusOr<v1::GetModelResponse> ModelClient::GetModel(const v1::GetModelRequest& request) {
  return Call(request, &Stub::GetModel, options_.max_attempts);
}

absl::StatusOr<v1::LoadVersionResponse> ModelClient::LoadVersion(const v1::LoadVersionRequest& request) {
  return Call(request, &Stub::LoadVersion, options_.max_attempts);
}

absl::StatusOr<v1::ValidateVersionResponse> ModelClient::ValidateVersion(const v1::ValidateVersionRequest& request) {
  return Call(request, &Stub::ValidateVersion, options_.max_attempts);
}

absl::StatusOr<v1::ActivateVersionResponse> ModelClient::ActivateVersion(const v1::ActivateVersionRequest& request) {
  return Call(request, &Stub::ActivateVersion, options_.max_attempts);
}

absl::StatusOr<v1::RollbackModelResponse> ModelClient::RollbackModel(const v1::RollbackModelRequest& request) {
  // The answer of one that went back may have been lost: another one would go back further.
  return Call(request, &Stub::RollbackModel, request.from_version() == 0 ? 1 : options_.max_attempts);
}

absl::StatusOr<v1::UnloadVersionResponse> ModelClient::UnloadVersion(const v1::UnloadVersionRequest& request) {
  return Call(request, &Stub::UnloadVersion, options_.max_attempts);
}

absl::StatusOr<v1::SetLabelResponse> ModelClient::SetLabel(const v1::SetLabelRequest& request) {
  return Call(request, &Stub::SetLabel, options_.max_attempts);
}

void ModelClient::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* context : in_flight_) context->TryCancel();
}

}  // namespace kindred
