#include "server/recommendation_service.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/engine/recommender.h"
#include "server/answer_writer.h"
#include "server/excerpt.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/trait_labels.h"

namespace kindred {
namespace {

constexpr std::string_view kServiceName = "kindred.v1.RecommendationService";

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t EventTimeMs(const v1::Event& event, int64_t now_ms) {
  if (!event.has_time()) return now_ms;
  return event.time().seconds() * 1000 + event.time().nanos() / 1'000'000;
}

// "a, b, c": what the server serves, at most ten names.
std::string ServedModels(const ModelRegistry& models) {
  std::string names;
  size_t count = 0;
  for (const ModelHandle& model : models.All()) {
    if (++count > 10) return StrCat(names, ", …");
    StrAppend(&names, count > 1 ? ", " : "", model->name());
  }
  return names;
}

absl::Status NoSuchModel(const ModelRegistry& models, std::string_view name) {
  if (name.empty()) {
    FieldChecks checks;
    checks.Add("model", StrCat("is empty, but this server has more than one model: ", ServedModels(models)));
    return checks.status();
  }
  return WithReason(absl::NotFoundError(absl::StrFormat("no model '%s'; this server has: %s", Excerpt(name, 256),
                                                        ServedModels(models))),
                    "MODEL_NOT_FOUND");
}

// The engine says NOT_FOUND of a space or an item; callers tell them apart by the reason.
absl::Status EngineStatus(absl::Status status, const Model& model, std::string_view space) {
  if (status.ok() || status.code() != absl::StatusCode::kNotFound) return status;
  return WithReason(std::move(status), model.FindSpace(space) == nullptr ? "SPACE_NOT_FOUND" : "ITEM_NOT_FOUND");
}

void AppendEvents(const google::protobuf::RepeatedPtrField<v1::Event>& events, std::vector<EventView>* views) {
  if (events.empty()) return;
  const int64_t now_ms = NowMs();
  for (const v1::Event& event : events) {
    views->push_back(
        {event.item_id(), event.has_weight() ? event.weight() : 1.0, event.action(), EventTimeMs(event, now_ms)});
  }
}

}  // namespace

// What one worker needs to answer: all of it keeps its capacity from call to call.
struct RecommendationService::WorkerState {
  explicit WorkerState(const ModelRegistry& registry) : models(registry) {}

  ModelReader models;
  EngineScratch engine;
  RecommendResult result;
  Profile profile;
  std::vector<EventView> live_history, inline_events;
  std::vector<std::string_view> exclude, candidates;
  TraitLabels labels;
  std::string token_key;
};

RecommendationService::RecommendationService(const ModelRegistry* models, ProfileStore* store, ProfileWriter* writer,
                                             uint32_t workers)
    : models_(models), store_(store), writer_(writer), counters_(workers) {
  for (uint32_t i = 0; i < workers; ++i) states_.push_back(std::make_unique<WorkerState>(*models));
}

RecommendationService::~RecommendationService() = default;

void RecommendationService::Register(rpc::RpcServer* server) {
  server->AddService(&raw_);
  const auto name = [](std::string_view method) {
    return rpc::MethodName{std::string(kServiceName), std::string(method)};
  };
  const auto request = [this](auto member) {
    return [this, member](grpc::ServerContext* context, grpc::ByteBuffer* bytes, rpc::RawWriter* writer,
                          grpc::CompletionQueue* calls, grpc::ServerCompletionQueue* notifications,
                          void* tag) { (raw_.*member)(context, bytes, writer, calls, notifications, tag); };
  };
  server->AddUnary<v1::RecommendRequest, v1::RecommendResponse>(
      name("Recommend"), request(&Raw::RequestRecommend),
      [this](Recommending* call) { call->Finish(Recommend(call)); });
  server->AddUnary<v1::SimilarItemsRequest, v1::SimilarItemsResponse>(
      name("SimilarItems"), request(&Raw::RequestSimilarItems),
      [this](FindingSimilar* call) { call->Finish(SimilarItems(call)); });
  server->AddUnary<v1::UpdateProfileRequest, v1::UpdateProfileResponse>(
      name("UpdateProfile"), request(&Raw::RequestUpdateProfile), [this](Updating* call) { UpdateProfile(call); });
  server->AddUnary<v1::GetProfileRequest, v1::GetProfileResponse>(
      name("GetProfile"), request(&Raw::RequestGetProfile),
      [this](GettingProfile* call) { call->Finish(GetProfile(call)); });
}

bool RecommendationService::ReadProfile(std::string_view user_id, WorkerState* state) {
  state->live_history.clear();
  const absl::StatusOr<bool> found = store_->Get(user_id, &state->profile);
  for (const Event& event : state->profile.events) {
    state->live_history.push_back({event.item_id, event.weight, event.action, event.time_ms});
  }
  return found.ok();
}

absl::Status RecommendationService::Recommend(Recommending* call) {
  const v1::RecommendRequest& request = call->request();
  v1::RecommendResponse* response = call->response();
  WorkerState& state = *states_[call->worker()];
  const v1::Subject& subject = request.subject();

  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  if (subject.has_user_id()) checks.Id("subject.user_id", subject.user_id());
  if (subject.has_events()) checks.Events("subject.events.events", subject.events().events(), 0);
  checks.Ids("exclude_item_ids", request.exclude_item_ids());
  checks.Ids("candidate_item_ids", request.candidate_item_ids());
  checks.View("view", request.view());
  RecommendOptions options;
  options.k = checks.PageSize("page_size", request.page_size(),
                              request.explain() ? limits::kMaxExplainedPageSize : limits::kMaxPageSize);
  if (!checks.ok()) return checks.status();
  const ModelHandle& model = state.models.Find(request.model());
  if (model == nullptr) return NoSuchModel(*models_, request.model());

  SubjectView who;
  if (subject.has_user_id()) {
    who.user_id = subject.user_id();
    if (!ReadProfile(who.user_id, &state)) {
      response->add_degradations(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE);
      counters_.CountDegraded(call->worker(), DegradedMethod::kRecommend);
    }
    who.live_history = state.live_history;
    response->set_profile_version(state.profile.version);
  }
  state.inline_events.clear();
  AppendEvents(subject.events().events(), &state.inline_events);
  who.inline_events = state.inline_events;
  state.exclude.assign(request.exclude_item_ids().begin(), request.exclude_item_ids().end());
  state.candidates.assign(request.candidate_item_ids().begin(), request.candidate_item_ids().end());
  options.space = request.space();
  options.include_seen = request.include_seen();
  options.explain = request.explain();
  options.exclude_item_ids = state.exclude;
  options.candidate_item_ids = state.candidates;

  const RecommendResult& result = state.result;
  RETURN_IF_ERROR(
      EngineStatus(Recommender(*model).Recommend(who, options, &state.engine, &state.result), *model, request.space()));
  counters_.CountAnswer(call->worker(), result.source);
  for (const auto& events : {who.live_history, who.inline_events}) {
    model->new_vocabulary().Add(*model, events, &state.token_key);
  }
  WriteModel(*model, *result.space, response);
  response->set_source(ToProto(result.source));
  response->set_exact(true);
  for (std::string_view id : result.missing_ids) response->add_missing_ids(id.data(), id.size());
  WriteItems(*model, result, request.view() == v1::ITEM_VIEW_FULL, &state.labels, response->mutable_items());
  return absl::OkStatus();
}

absl::Status RecommendationService::SimilarItems(FindingSimilar* call) {
  const v1::SimilarItemsRequest& request = call->request();
  v1::SimilarItemsResponse* response = call->response();
  WorkerState& state = *states_[call->worker()];

  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Id("item_id", request.item_id());
  const uint32_t k = checks.PageSize("page_size", request.page_size(), limits::kMaxPageSize);
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  checks.View("view", request.view());
  if (!checks.ok()) return checks.status();
  const ModelHandle& model = state.models.Find(request.model());
  if (model == nullptr) return NoSuchModel(*models_, request.model());

  RETURN_IF_ERROR(EngineStatus(
      Recommender(*model).SimilarItems(request.item_id(), request.space(), k, &state.engine, &state.result), *model,
      request.space()));
  WriteModel(*model, *state.result.space, response);
  response->set_exact(true);
  WriteItems(*model, state.result, request.view() == v1::ITEM_VIEW_FULL, &state.labels, response->mutable_items());
  return absl::OkStatus();
}

absl::Status RecommendationService::GetProfile(GettingProfile* call) {
  const v1::GetProfileRequest& request = call->request();
  v1::GetProfileResponse* response = call->response();
  WorkerState& state = *states_[call->worker()];

  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Id("user_id", request.user_id());
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  checks.View("view", request.view());
  if (!checks.ok()) return checks.status();
  const ModelHandle& model = state.models.Find(request.model());
  if (model == nullptr) return NoSuchModel(*models_, request.model());
  const Space* space = model->FindSpace(request.space());
  if (space == nullptr) {
    return WithReason(absl::NotFoundError(absl::StrFormat("model '%s' has no space '%s'", model->name(),
                                                          Excerpt(request.space(), limits::kMaxNameBytes))),
                      "SPACE_NOT_FOUND");
  }

  if (!ReadProfile(request.user_id(), &state)) {
    response->add_degradations(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE);
    counters_.CountDegraded(call->worker(), DegradedMethod::kGetProfile);
  }
  const bool full = request.view() == v1::ITEM_VIEW_FULL;
  response->set_user_id(request.user_id());
  response->set_profile_version(state.profile.version);
  if (state.profile.version > 0) WriteTime(state.profile.updated_ms, response->mutable_update_time());
  WriteEvents(*model, state.profile, full, response->mutable_events());

  SubjectView who;
  who.user_id = request.user_id();
  who.live_history = state.live_history;
  response->set_source(ToProto(Recommender(*model).Resolve(who, *space, &state.engine, nullptr)));
  // In a traits space the profile, not how it differs from the average one.
  const std::vector<float>& traits = space->traits != nullptr ? state.engine.profile : state.engine.vector;
  WriteTraits(*model, *space, traits, full, response->mutable_traits());
  WriteModel(*model, *space, response);

  const auto user = model->users().empty() ? std::nullopt : model->users().Find(request.user_id());
  response->set_trained(user.has_value());
  if (full && user.has_value()) {
    const auto seen = model->Seen(*user);
    for (uint32_t item : seen.first(std::min(seen.size(), limits::kMaxTrainedItems))) {
      WriteItem(*model, item, full, response->add_trained_items());
    }
  }
  return absl::OkStatus();
}

void RecommendationService::UpdateProfile(Updating* call) {
  const v1::UpdateProfileRequest& request = call->request();
  FieldChecks checks;
  checks.Id("user_id", request.user_id());
  checks.Events("events", request.events(), 1);
  checks.Name("update_id", request.update_id(), limits::kMaxUpdateIdBytes);
  if (!checks.ok()) return call->Finish(checks.status());

  ProfileUpdate update;
  update.user_id = request.user_id();
  update.update_id = request.update_id();
  update.now_ms = NowMs();
  update.events.reserve(request.events_size());
  for (const v1::Event& event : request.events()) {
    update.events.push_back({event.item_id(), event.action(), EventTimeMs(event, update.now_ms),
                             event.has_weight() ? event.weight() : 1.0});
  }
  const absl::Status queued = writer_->Submit(std::move(update), [this, call](const UpdateOutcome& outcome) {
    if (outcome.status.ok()) {
      call->response()->set_profile_version(outcome.profile_version);
      call->response()->set_durability(ToProto(store_->durability()));
      call->response()->set_duplicate(outcome.duplicate);
    }
    call->Finish(outcome.status);
  });
  if (!queued.ok()) call->Finish(queued);
}

}  // namespace kindred
