// kindred.v1.ProfileService, what operators do with stored profiles: export, import, deletion. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/profile/profile.h"
#include "kindred/v1/profile_service.grpc.pb.h"
#include "server/profile_export.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/rpc/rpc_server.h"

namespace kindred {

class ProfileService {
 public:
  // All must outlive this. `limits` as the writer's.
  ProfileService(ProfileStore* store, ProfileWriter* writer, const ProfileLimits& limits)
      : store_(store), writer_(writer), limits_(limits) {}

  // Adds the service and its methods to `server`.
  void Register(rpc::RpcServer* server);

  // Called once, when the answer is there: before the method returns or later, from the writer's thread.
  using Done = std::function<void(const absl::Status&)>;

  // The methods, with no notion of a call. `response` must live until `done` is called; `request` may go when the
  // method returns.
  absl::StatusOr<std::unique_ptr<ProfileExport>> ExportProfiles(const v1::ExportProfilesRequest& request) const;
  void ImportProfiles(const v1::ImportProfilesRequest& request, v1::ImportProfilesResponse* response, Done done) const;
  void DeleteProfiles(const v1::DeleteProfilesRequest& request, v1::DeleteProfilesResponse* response, Done done) const;

 private:
  // Reads what the servers share of a user, where they share anything, and calls `then` with it, before this returns or
  // from the store's thread. `min_version` as FetchOptions::min_version.
  void Learn(const std::string& user_id, uint64_t min_version, std::function<void(Profile)> then) const;

  ProfileStore* const store_;
  ProfileWriter* const writer_;
  const ProfileLimits limits_;
  using Service = v1::ProfileService;
  using Raw = Service::WithRawMethod_ExportProfiles<
      Service::WithRawMethod_ImportProfiles<Service::WithRawMethod_DeleteProfiles<Service::Service>>>;
  Raw raw_;
};

}  // namespace kindred
