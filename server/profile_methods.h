// The methods of RecommendationService that are about profiles: UpdateProfile, DeleteProfile, GetProfile,
// BatchGetProfile. Thread-safe; a WorkerState belongs to its thread. Steps are as in recommend_methods.h.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/call_progress.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/rpc/call.h"
#include "server/service_counters.h"
#include "server/worker_state.h"

namespace kindred {

class ProfileMethods {
 public:
  // All must outlive this.
  ProfileMethods(const ModelRegistry* models, ProfileStore* store, ProfileWriter* writer, ServiceCounters* counters)
      : models_(models), store_(store), writer_(writer), counters_(counters) {}

  // Called once, when the answer is there: before the method returns or later, from the writer's thread.
  using Done = std::function<void(const absl::Status&)>;

  // `response` is filled when `done` is called, and must live until then; `request` may go when the method returns.
  void UpdateProfile(const v1::UpdateProfileRequest& request, v1::UpdateProfileResponse* response, Done done) const;
  void DeleteProfile(const v1::DeleteProfileRequest& request, v1::DeleteProfileResponse* response, Done done) const;

  absl::Status GetProfile(const v1::GetProfileRequest& request, WorkerState* state,
                          v1::GetProfileResponse* response) const;
  // A user whose id is no good, or whose profile would make the answer larger than it may be, gets a status of its own.
  absl::StatusOr<rpc::CallStep> BatchGetProfile(const v1::BatchGetProfileRequest& request, rpc::Call* call,
                                                CallProgress* progress, WorkerState* state,
                                                v1::BatchGetProfileResponse* response) const;

 private:
  void WriteProfile(const Model& model, const Space& space, std::string_view user_id, bool full, WorkerState* state,
                    v1::GetProfileResponse* response) const;

  const ModelRegistry* const models_;
  ProfileStore* const store_;
  ProfileWriter* const writer_;
  ServiceCounters* const counters_;
};

}  // namespace kindred
