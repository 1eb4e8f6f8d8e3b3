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

// Why a profile that was read is not in the answer.
absl::Status NoRoom() {
  return WithReason(absl::ResourceExhaustedError(absl::StrFormat(
                        "with this profile the answer would be above the limit of %d bytes; ask for it in another call",
                        limits::kMaxResponseBytes)),
                    "RESPONSE_TOO_LARGE");
}

}  // namespace

void ProfileMethods::UpdateProfile(const v1::UpdateProfileRequest& request, v1::UpdateProfileResponse* response,
                                   Done done) const {
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  checks.Events("events", request.events(), 1);
  checks.Name("update_id", request.update_id(), limits::kMaxUpdateIdBytes);
  checks.Mode("mode", request.mode());
  if (!checks.ok()) return done(checks.status());

  ProfileUpdate update;
  update.user_id = request.user_id();
  update.update_id = request.update_id();
  update.now_ms = NowMs();
  update.mode = ModeOf(request.mode());
  AppendEvents(request.events(), update.now_ms, &update.events);
  const absl::Status queued =
      writer_->Submit(std::move(update), [store = store_, response, done](const UpdateOutcome& outcome) {
        if (outcome.status.ok()) {
          thread_local ProfileCodecScratch scratch;
          response->set_profile_version(outcome.profile_version);
          response->set_durability(ToProto(store->durability()));
          response->set_duplicate(outcome.duplicate);
          EncodeProfileToken(*outcome.profile, &scratch, response->mutable_profile_token());
        }
        done(outcome.status);
      });
  if (!queued.ok()) done(queued);
}

void ProfileMethods::DeleteProfile(const v1::DeleteProfileRequest& request, v1::DeleteProfileResponse* response,
                                   Done done) const {
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  if (!checks.ok()) return done(checks.status());
  const absl::Status queued =
      writer_->SubmitDeletion(request.user_id(), [store = store_, response, done](const UpdateOutcome& outcome) {
        if (outcome.status.ok()) {
          response->set_existed(outcome.existed);
          response->set_durability(ToProto(store->durability()));
        }
        done(outcome.status);
      });
  if (!queued.ok()) done(queued);
}

absl::Status ProfileMethods::GetProfile(const v1::GetProfileRequest& request, WorkerState* state,
                                        v1::GetProfileResponse* response) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Id("user_id", request.user_id());
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  checks.View("view", request.view());
  if (!checks.ok()) return checks.status();
  const ModelHandle& model = state->models.Find(request.model());
  if (model == nullptr) return NoSuchModel(*models_, request.model());
  const Space* space = model->FindSpace(request.space());
  if (space == nullptr) return NoSuchSpace(*model, request.space());

  state->subject.ReadUser(store_, request.user_id(), request.min_profile_version());
  state->subject.CountDegradations(state->worker, DegradedMethod::kGetProfile, counters_);
  WriteProfile(*model, *space, request.user_id(), request.view() == v1::ITEM_VIEW_FULL, state, response);
  return absl::OkStatus();
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
    const int i = progress->next++;
    const std::string& user_id = request.user_ids(i);
    v1::ProfileResult* result = response->add_results();
    if (user_id.empty() || user_id.size() > limits::kMaxIdBytes) {
      FieldChecks entry;
      entry.Id(absl::StrFormat("user_ids[%d]", i), user_id);
      *result->mutable_status() = ToStatusMessage(entry.status());
      continue;
    }
    state->subject.ReadUser(store_, user_id, 0);
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
