#include "clients/cpp/profile_client.h"

#include <grpcpp/grpcpp.h>

#include "clients/cpp/rpc_status.h"

namespace kindred {

ProfileClient::ProfileClient(const std::string& address, const ClientOptions& options)
    : options_(options), stub_(v1::ProfileService::NewStub(MakeChannel(address, options))) {}

absl::Status ProfileClient::ExportProfiles(const v1::ExportProfilesRequest& request,
                                           const std::function<bool(const v1::ExportProfilesResponse&)>& take) {
  bool any = false;
  absl::Status failed;
  const absl::Status status = CallWithRetries(options_, options_.max_attempts, [&](grpc::ClientContext* context) {
    const auto reader = stub_->ExportProfiles(context, request);
    v1::ExportProfilesResponse message;
    while (reader->Read(&message)) {
      any = true;
      if (take(message)) continue;
      context->TryCancel();
      reader->Finish();
      return grpc::Status::OK;
    }
    grpc::Status end = reader->Finish();
    if (!any || end.ok()) return end;
    // What was taken cannot be taken back, so this is no longer a call to try again.
    failed = FromGrpcStatus(end);
    return grpc::Status::OK;
  });
  return failed.ok() ? status : failed;
}

absl::StatusOr<v1::ImportProfilesResponse> ProfileClient::ImportProfiles(const v1::ImportProfilesRequest& request) {
  v1::ImportProfilesResponse response;
  absl::Status status = CallWithRetries(options_, options_.max_attempts, [&](grpc::ClientContext* context) {
    return stub_->ImportProfiles(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::DeleteProfilesResponse> ProfileClient::DeleteProfiles(const v1::DeleteProfilesRequest& request) {
  v1::DeleteProfilesResponse response;
  absl::Status status = CallWithRetries(options_, options_.max_attempts, [&](grpc::ClientContext* context) {
    return stub_->DeleteProfiles(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

}  // namespace kindred
