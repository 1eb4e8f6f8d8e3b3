#include "server/profile_service.h"

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/logging.h"
#include "server/profile_codec.h"
#include "server/record_checks.h"
#include "server/rpc/raw_service.h"

namespace kindred {
namespace {

// The most that a profile waits to be read where the servers share it; the store has a bound of its own.
constexpr std::chrono::seconds kLearnTime(1);

constexpr std::string_view kServiceName = "kindred.v1.ProfileService";

// Calls `done` when everything that was begun has ended. Whoever begins holds a part of it until it has begun all.
class Countdown {
 public:
  explicit Countdown(ProfileService::Done done) : done_(std::move(done)) {}
  void Begin() { left_.fetch_add(1, std::memory_order_relaxed); }
  void End() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_(absl::OkStatus());
  }

 private:
  ProfileService::Done done_;
  std::atomic<int> left_{1};
};

void CheckSize(std::string_view field, int size, int min, FieldChecks* checks) {
  if (size >= min && size <= limits::kMaxImportProfiles) return;
  checks->Add(field, absl::StrFormat("has %d entries, expected %d to %d", size, min, limits::kMaxImportProfiles));
}

}  // namespace

void ProfileService::Register(rpc::RpcServer* server) {
  server->AddService(&raw_);
  const auto name = rpc::MethodsOf(kServiceName);
  const auto request = rpc::RequestsOf(&raw_);
  using ExportCall = rpc::ServerStreamCall<v1::ExportProfilesRequest, v1::ExportProfilesResponse>;
  server->AddServerStream<v1::ExportProfilesRequest, v1::ExportProfilesResponse>(
      name("ExportProfiles"), request(&Raw::RequestExportProfiles),
      [this](ExportCall* call) -> absl::StatusOr<std::unique_ptr<ExportCall::Source>> {
        return ExportProfiles(call->request());
      });
  server->AddUnary<v1::ImportProfilesRequest, v1::ImportProfilesResponse>(
      name("ImportProfiles"), request(&Raw::RequestImportProfiles), [this](auto* call) {
        ImportProfiles(call->request(), call->response(), [call](const absl::Status& status) { call->Finish(status); });
      });
  server->AddUnary<v1::DeleteProfilesRequest, v1::DeleteProfilesResponse>(
      name("DeleteProfiles"), request(&Raw::RequestDeleteProfiles), [this](auto* call) {
        DeleteProfiles(call->request(), call->response(), [call](const absl::Status& status) { call->Finish(status); });
      });
}

absl::StatusOr<std::unique_ptr<ProfileExport>> ProfileService::ExportProfiles(
    const v1::ExportProfilesRequest& request) const {
  FieldChecks checks;
  CheckSize("user_ids", request.user_ids_size(), 0, &checks);
  if (checks.ok()) checks.Ids("user_ids", request.user_ids());
  if (!checks.ok()) return checks.status();
  if (request.user_ids().empty()) LogInfo("profiles are exported");
  return std::make_unique<ProfileExport>(
      store_, std::vector<std::string>(request.user_ids().begin(), request.user_ids().end()));
}

void ProfileService::Learn(const std::string& user_id, uint64_t min_version, std::function<void(Profile)> then) const {
  if (!store_->remote()) return then({});
  const auto fetched = std::make_shared<FetchedProfile>();
  const FetchOptions options{.min_version = min_version, .deadline = std::chrono::steady_clock::now() + kLearnTime};
  const auto go_on = [fetched, then = std::move(then)] { then(std::move(fetched->profile)); };
  // Read or not: the store merges once more when it writes.
  if (store_->Fetch(user_id, options, fetched.get(), go_on)) go_on();
}

void ProfileService::ImportProfiles(const v1::ImportProfilesRequest& request, v1::ImportProfilesResponse* response,
                                    Done done) const {
  FieldChecks checks;
  CheckSize("profiles", request.profiles_size(), 1, &checks);
  if (!checks.ok()) return done(checks.status());
  // All are there before the first is filled, on whichever thread.
  for (int i = 0; i < request.profiles_size(); ++i) response->add_results();
  const auto countdown = std::make_shared<Countdown>(std::move(done));
  for (int i = 0; i < request.profiles_size(); ++i) {
    v1::ProfileImport* result = response->mutable_results(i);
    FieldChecks of_record;
    CheckRecord(absl::StrFormat("profiles[%d]", i), request.profiles(i), limits_, &of_record);
    if (!of_record.ok()) {
      *result->mutable_status() = ToStatusMessage(of_record.status());
      continue;
    }
    const auto profile = std::make_shared<Profile>();
    ReadRecord(request.profiles(i), profile.get());
    countdown->Begin();
    Learn(profile->user_id, 0, [this, profile, trial = request.validate_only(), result, countdown](Profile known) {
      const absl::Status queued = writer_->SubmitMerge(
          std::move(*profile), trial,
          [result, countdown](const UpdateOutcome& outcome) {
            if (outcome.status.ok()) {
              result->set_changed(!outcome.duplicate);
              result->set_profile_version(outcome.profile_version);
            } else {
              *result->mutable_status() = ToStatusMessage(outcome.status);
            }
            countdown->End();
          },
          std::move(known));
      if (queued.ok()) return;
      *result->mutable_status() = ToStatusMessage(queued);
      countdown->End();
    });
  }
  countdown->End();
}

void ProfileService::DeleteProfiles(const v1::DeleteProfilesRequest& request, v1::DeleteProfilesResponse* response,
                                    Done done) const {
  FieldChecks checks;
  CheckSize("user_ids", request.user_ids_size(), 1, &checks);
  if (!checks.ok()) return done(checks.status());
  for (int i = 0; i < request.user_ids_size(); ++i) response->add_results();
  const auto countdown = std::make_shared<Countdown>(std::move(done));
  for (int i = 0; i < request.user_ids_size(); ++i) {
    v1::ProfileDeletion* result = response->mutable_results(i);
    FieldChecks of_user;
    of_user.Id(absl::StrFormat("user_ids[%d]", i), request.user_ids(i));
    if (!of_user.ok()) {
      *result->mutable_status() = ToStatusMessage(of_user.status());
      continue;
    }
    countdown->Begin();
    // Past the caches: a deletion counts when its epoch is above that of every copy.
    Learn(request.user_ids(i), UINT64_MAX, [this, user_id = request.user_ids(i), result, countdown](Profile known) {
      const absl::Status queued = writer_->SubmitDeletion(
          user_id,
          [result, countdown](const UpdateOutcome& outcome) {
            if (outcome.status.ok()) {
              result->set_existed(outcome.existed);
            } else {
              *result->mutable_status() = ToStatusMessage(outcome.status);
            }
            countdown->End();
          },
          std::move(known));
      if (queued.ok()) return;
      *result->mutable_status() = ToStatusMessage(queued);
      countdown->End();
    });
  }
  countdown->End();
}

}  // namespace kindred
