// The methods of RecommendationService that are about profiles: UpdateProfile, DeleteProfile, GetProfile,
// BatchGetProfile. Thread-safe; a WorkerState belongs to its thread. Steps are as in recommend_methods.h.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/call_progress.h"
#include "server/profile_reads.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/profiles/answer_cache.h"
#include "server/rpc/call.h"
#include "server/service_counters.h"
#include "server/worker_state.h"

namespace kindred {

// What a call that writes keeps while it waits, where the store is remote.
struct WriteProgress {
  ProfileReads reads;  // of the user, once
  bool began = false;
  // Set before the call is resumed for the last time, where an acknowledgement waits for the store that all share.
  std::optional<absl::Status> outcome;
};

class ProfileMethods {
 public:
  // What an acknowledgement of a write waits for, at most so long after the write was committed.
  static constexpr std::chrono::seconds kMaxShareWait{1};

  // All must outlive this. `required`: what an acknowledged write survives at least; the store's own durability() is
  // met anyhow, so only kRedis asks for more. `answers`: where answers for users are kept, which go with the profile;
  // nullptr: nowhere.
  ProfileMethods(const ModelRegistry* models, ProfileStore* store, ProfileWriter* writer, ServiceCounters* counters,
                 StoreDurability required = StoreDurability::kJournal, AnswerCache* answers = nullptr)
      : models_(models),
        store_(store),
        writer_(writer),
        counters_(counters),
        await_shared_(store->remote() && required == StoreDurability::kRedis),
        answers_(answers) {}

  // Called once, when the answer is there: before the method returns or later, from the writer's thread.
  using Done = std::function<void(const absl::Status&)>;

  // `response` is filled when `done` is called, and must live until then; `request` may go when the method returns.
  // Where the store is remote, a step that pauses the call does not call `done`; the next is to follow when the call is
  // resumed. `call` and `progress` are for that, and of no use otherwise. UNAVAILABLE with the reason
  // DURABILITY_NOT_MET when the write was committed, and is kept, but did not get in time as far as is required.
  void UpdateProfile(const v1::UpdateProfileRequest& request, rpc::Call* call, WriteProgress* progress,
                     v1::UpdateProfileResponse* response, const Done& done) const;
  void DeleteProfile(const v1::DeleteProfileRequest& request, rpc::Call* call, WriteProgress* progress,
                     v1::DeleteProfileResponse* response, const Done& done) const;

  absl::StatusOr<rpc::CallStep> GetProfile(const v1::GetProfileRequest& request, rpc::Call* call,
                                           CallProgress* progress, WorkerState* state,
                                           v1::GetProfileResponse* response) const;
  // A user whose id is no good, or whose profile would make the answer larger than it may be, gets a status of its own.
  absl::StatusOr<rpc::CallStep> BatchGetProfile(const v1::BatchGetProfileRequest& request, rpc::Call* call,
                                                CallProgress* progress, WorkerState* state,
                                                v1::BatchGetProfileResponse* response) const;

 private:
  // False: the call is paused until what is known elsewhere of the user is in progress->reads.
  bool ReadKnown(const std::string& user_id, rpc::Call* call, WriteProgress* progress) const;
  // What was read; an empty profile where the store is not remote.
  Profile TakeKnown(WriteProgress* progress) const;
  // The last of a write that is in the writer's hands, or was refused by it: `outcome` is the answer when the user's
  // profile is where it must be.
  void Acknowledge(const absl::Status& outcome, std::string_view user_id, rpc::Call* call, WriteProgress* progress,
                   const std::function<void(StoreDurability)>& set_durability, const Done& done) const;

  void WriteProfile(const Model& model, const Space& space, std::string_view user_id, bool full, WorkerState* state,
                    v1::GetProfileResponse* response) const;

  const ModelRegistry* const models_;
  ProfileStore* const store_;
  ProfileWriter* const writer_;
  ServiceCounters* const counters_;
  const bool await_shared_;
  AnswerCache* const answers_;
};

}  // namespace kindred
