#include "server/profile_methods.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/engine/recommender.h"
#include "server/answer_writer.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/model_lookup.h"
#include "server/profile_token.h"
#include "server/request_events.h"

namespace kindred {
namespace {

// Bytes of one entry of a batch that is a status, tag and length included: message, reason and one field.
constexpr size_t kMaxStatusBytes = 512;

UpdateMode ModeOf(v1::UpdateMode mode) {
  return mode == v1::UPDATE_MODE_BLEND ? UpdateMode::kBlend : UpdateMode::kHistory;
}

bool IsId(const std::string& id) { return !id.empty() && id.size() <= limits::kMaxIdBytes; }

absl::Status DurabilityNotMet() {
  return WithReason(
      absl::UnavailableError("it is kept on this server's disk and will reach Redis, but was not there in time; the "
                             "same may be sent again, an update with the same update_id"),
      "DURABILITY_NOT_MET");
}

// Why a profile that was read is not in the answer.
absl::Status NoRoom() {
  return WithReason(absl::ResourceExhaustedError(absl::StrFormat(
                        "with this profile the answer would be above the limit of %d bytes; ask for it in another call",
                        limits::kMaxResponseBytes)),
                    "RESPONSE_TOO_LARGE");
}

}  // namespace

bool ProfileMethods::ReadKnown(const std::string& user_id, rpc::Call* call, WriteProgress* progress) const {
  if (!store_->remote() || progress->began) return true;
  progress->began = true;
  progress->reads.Begin(store_, call, 1);
  progress->reads.Start(0, user_id, 0);
  return progress->reads.Await();
}

Profile ProfileMethods::TakeKnown(WriteProgress* progress) const {
  return store_->remote() ? std::move(progress->reads.at(0).profile) : Profile();
}

void ProfileMethods::Acknowledge(const absl::Status& outcome, std::string_view user_id, rpc::Call* call,
                                 WriteProgress* progress, const std::function<void(StoreDurability)>& set_durability,
                                 const Done& done) const {
  if (outcome.ok()) set_durability(store_->durability());
  if (!await_shared_) return done(outcome);
  const auto resume = [call, progress](absl::Status status) {
    progress->outcome = std::move(status);
    call->Resume();
  };
  if (!outcome.ok()) return resume(outcome);
  const auto deadline = std::min(call->steady_deadline(), std::chrono::steady_clock::now() + kMaxShareWait);
  store_->AwaitShared(user_id, deadline, [resume, set_durability](bool shared) {
    if (!shared) return resume(DurabilityNotMet());
    set_durability(StoreDurability::kRedis);
    resume(absl::OkStatus());
  });
}

void ProfileMethods::UpdateProfile(const v1::UpdateProfileRequest& request, rpc::Call* call, WriteProgress* progress,
                                   v1::UpdateProfileResponse* response, const Done& done) const {
  if (progress != nullptr && progress->outcome.has_value()) return done(*progress->outcome);
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  checks.Events("events", request.events(), 1);
  checks.Name("update_id", request.update_id(), limits::kMaxUpdateIdBytes);
  checks.Mode("mode", request.mode());
  if (!checks.ok()) return done(checks.status());
  if (!ReadKnown(request.user_id(), call, progress)) return;

  ProfileUpdate update;
  update.user_id = request.user_id();
  update.update_id = request.update_id();
  update.now_ms = NowMs();
  update.mode = ModeOf(request.mode());
  AppendEvents(request.events(), update.now_ms, &update.events);
  const auto acknowledge = [=, this](const UpdateOutcome& outcome) {
    if (outcome.status.ok()) {
      thread_local ProfileCodecScratch scratch;
      response->set_profile_version(outcome.profile_version);
      response->set_duplicate(outcome.duplicate);
      EncodeProfileToken(*outcome.profile, &scratch, response->mutable_profile_token());
    }
    Acknowledge(
        outcome.status, outcome.profile == nullptr ? "" : outcome.profile->user_id, call, progress,
        [response](StoreDurability reached) { response->set_durability(ToProto(reached)); }, done);
  };
  // What waits for another thread to the end is to be paused: a server that stops waits for it.
  if (await_shared_) call->Pause();
  const absl::Status queued = writer_->Submit(std::move(update), acknowledge, TakeKnown(progress));
  if (!queued.ok()) acknowledge({.status = queued});
}

void ProfileMethods::DeleteProfile(const v1::DeleteProfileRequest& request, rpc::Call* call, WriteProgress* progress,
                                   v1::DeleteProfileResponse* response, const Done& done) const {
  if (progress != nullptr && progress->outcome.has_value()) return done(*progress->outcome);
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  if (!checks.ok()) return done(checks.status());
  if (!ReadKnown(request.user_id(), call, progress)) return;

  const auto acknowledge = [=, this](const UpdateOutcome& outcome) {
    if (outcome.status.ok()) {
      response->set_existed(outcome.existed);
      if (answers_ != nullptr) answers_->Forget(outcome.profile->user_id);
    }
    Acknowledge(
        outcome.status, outcome.profile == nullptr ? "" : outcome.profile->user_id, call, progress,
        [response](StoreDurability reached) { response->set_durability(ToProto(reached)); }, done);
  };
  if (await_shared_) call->Pause();
  const absl::Status queued = writer_->SubmitDeletion(request.user_id(), acknowledge, TakeKnown(progress));
  if (!queued.ok()) acknowledge({.status = queued});
}

absl::StatusOr<rpc::CallStep> ProfileMethods::GetProfile(const v1::GetProfileRequest& request, rpc::Call* call,
                                                         CallProgress* progress, WorkerState* state,
                                                         v1::GetProfileResponse* response) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Id("user_id", request.user_id());
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  checks.View("view", request.view());
  if (!checks.ok()) return checks.status();
  const ModelHandle& model = state->models.Find(request.model());
  if (model == nullptr) return NoSuchModel(*models_, request.model());
  state->generation = model.get();
  const Space* space = model->FindSpace(request.space());
  if (space == nullptr) return NoSuchSpace(*model, request.space());

  const FetchedProfile* fetched = nullptr;
  if (store_->remote()) {
    progress->end = 1;
    const bool there = progress->ReadAhead(store_, call, [&](int, size_t place) {
      progress->reads.Start(place, request.user_id(), request.min_profile_version());
    });
    if (!there) return rpc::CallStep::kWait;
    fetched = progress->fetched(0);
  }
  state->subject.ReadUser(store_, fetched, request.user_id(), request.min_profile_version());
  state->subject.CountDegradations(state->worker, DegradedMethod::kGetProfile, counters_);
  WriteProfile(*model, *space, request.user_id(), request.view() == v1::ITEM_VIEW_FULL, state, response);
  return rpc::CallStep::kDone;
}

absl::StatusOr<rpc::CallStep> ProfileMethods::BatchGetProfile(const v1::BatchGetProfileRequest& request,
                                                              rpc::Call* call, CallProgress* progress,
                                                              WorkerState* state,
                                                              v1::BatchGetProfileResponse* response) const {
  if (!progress->begun()) {
    FieldChecks checks;
    checks.Name("model", request.model(), limits::kMaxNameBytes);
    if (request.user_ids().empty() || request.user_ids_size() > limits::kMaxBatchProfiles) {
      checks.Add("user_ids",
                 absl::StrFormat("has %d ids, expected 1 to %d", request.user_ids_size(), limits::kMaxBatchProfiles));
    }
    checks.Name("space", request.space(), limits::kMaxNameBytes);
    checks.View("view", request.view());
    if (!checks.ok()) return checks.status();
    const ModelHandle& model = state->models.Find(request.model());
    if (model == nullptr) return NoSuchModel(*models_, request.model());
    if (model->FindSpace(request.space()) == nullptr) return NoSuchSpace(*model, request.space());
    progress->model = model;
    progress->end = request.user_ids_size();
    // What is left for profiles when every user gets a status.
    progress->room = limits::kMaxResponseBytes - request.user_ids_size() * kMaxStatusBytes;
    response->mutable_results()->Reserve(request.user_ids_size());
  }
  const Model& model = *progress->model;
  const Space& space = *model.FindSpace(request.space());
  const bool full = request.view() == v1::ITEM_VIEW_FULL;
  // Not on the call's arena, which would keep those that do not fit.
  v1::ProfileResult found;
  while (progress->next < progress->end) {
    if (call != nullptr && call->ShouldStop()) return call->Standing();
    const bool there = progress->ReadAhead(store_, call, [&](int entry, size_t place) {
      const std::string& user_id = request.user_ids(entry);
      if (IsId(user_id)) progress->reads.Start(place, user_id, 0);
    });
    if (!there) return rpc::CallStep::kWait;
    const int i = progress->next++;
    const std::string& user_id = request.user_ids(i);
    v1::ProfileResult* result = response->add_results();
    if (!IsId(user_id)) {
      FieldChecks entry;
      entry.Id(absl::StrFormat("user_ids[%d]", i), user_id);
      *result->mutable_status() = ToStatusMessage(entry.status());
      continue;
    }
    state->subject.ReadUser(store_, progress->fetched(i), user_id, 0);
    state->subject.CountDegradations(state->worker, DegradedMethod::kBatchGetProfile, counters_);
    found.Clear();
    WriteProfile(model, space, user_id, full, state, found.mutable_profile());
    const size_t size = found.ByteSizeLong();
    if (size <= progress->room) {
      progress->room -= size;
      *result = found;
    } else {
      *result->mutable_status() = ToStatusMessage(NoRoom());
    }
    if (call != nullptr && progress->next < progress->end && call->ShouldRest()) return rpc::CallStep::kAgain;
  }
  return rpc::CallStep::kDone;
}

void ProfileMethods::WriteProfile(const Model& model, const Space& space, std::string_view user_id, bool full,
                                  WorkerState* state, v1::GetProfileResponse* response) const {
  const SubjectReader& subject = state->subject;
  const Profile& profile = subject.profile();
  subject.WriteDegradations(response->mutable_degradations());
  response->set_user_id(user_id.data(), user_id.size());
  response->set_profile_version(profile.version);
  if (profile.version > 0) WriteTime(profile.updated_ms, response->mutable_update_time());
  WriteEvents(model, profile, full, response->mutable_events());
  EncodeProfileToken(profile, &state->codec, response->mutable_profile_token());

  response->set_source(ToProto(Recommender(model).Resolve(subject.view(), space, &state->engine, nullptr)));
  // In a traits space the profile, not how it differs from the average one.
  const std::vector<float>& traits = space.traits != nullptr ? state->engine.profile : state->engine.vector;
  WriteTraits(model, space, traits, full, response->mutable_traits());
  WriteModel(model, space, response);

  const auto user = model.users().empty() ? std::nullopt : model.users().Find(user_id);
  response->set_trained(user.has_value());
  if (full && user.has_value()) {
    const auto seen = model.Seen(*user);
    for (uint32_t item : seen.first(std::min(seen.size(), limits::kMaxTrainedItems))) {
      WriteItem(model, item, full, response->add_trained_items());
    }
  }
}

}  // namespace kindred
