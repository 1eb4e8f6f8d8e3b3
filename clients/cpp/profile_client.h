// A client of kindred.v1.ProfileService, which a server has on its admin port for gRPC. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/call_retry.h"
#include "kindred/v1/profile_service.grpc.pb.h"

namespace kindred {

class ProfileClient {
 public:
  // `address` as MakeChannel's.
  explicit ProfileClient(const std::string& address, const ClientOptions& options = {});

  // Gives each message to `take` as it comes, until that returns false: then the call is cancelled and this OK. Tried
  // again as RecommendClient's are, until the first message.
  absl::Status ExportProfiles(const v1::ExportProfilesRequest& request,
                              const std::function<bool(const v1::ExportProfilesResponse&)>& take);

  // Each makes one call, tried again as RecommendClient's are: to merge or delete once more is safe. Of an attempt that
  // is tried again `changed` and `existed` are of the last one.
  absl::StatusOr<v1::ImportProfilesResponse> ImportProfiles(const v1::ImportProfilesRequest& request);
  absl::StatusOr<v1::DeleteProfilesResponse> DeleteProfiles(const v1::DeleteProfilesRequest& request);

 private:
  ClientOptions options_;
  std::unique_ptr<v1::ProfileService::Stub> stub_;
};

}  // namespace kindred
