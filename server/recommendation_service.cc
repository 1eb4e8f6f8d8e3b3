#include "server/recommendation_service.h"

#include <string>
#include <string_view>

#include "core/base/status_macros.h"
#include "core/engine/recommender.h"
#include "server/answer_writer.h"
#include "server/field_checks.h"
#include "server/limits.h"
#include "server/model_lookup.h"
#include "server/request_events.h"

namespace kindred {
namespace {

constexpr std::string_view kServiceName = "kindred.v1.RecommendationService";

}  // namespace

RecommendationService::RecommendationService(const ModelRegistry* models, ProfileStore* store, ProfileWriter* writer,
                                             uint32_t workers)
    : models_(models), store_(store), counters_(workers), profiles_(models, store, writer, &counters_) {
  states_.reserve(workers);
  for (uint32_t i = 0; i < workers; ++i) states_.push_back(std::make_unique<WorkerState>(*models, i));
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
      name("UpdateProfile"), request(&Raw::RequestUpdateProfile), [this](auto* call) {
        profiles_.UpdateProfile(call->request(), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
  server->AddUnary<v1::GetProfileRequest, v1::GetProfileResponse>(
      name("GetProfile"), request(&Raw::RequestGetProfile), [this](auto* call) {
        call->Finish(profiles_.GetProfile(call->request(), states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::BatchGetProfileRequest, v1::BatchGetProfileResponse>(
      name("BatchGetProfile"), request(&Raw::RequestBatchGetProfile), [this](auto* call) {
        call->Finish(profiles_.BatchGetProfile(call->request(), states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::DeleteProfileRequest, v1::DeleteProfileResponse>(
      name("DeleteProfile"), request(&Raw::RequestDeleteProfile), [this](auto* call) {
        profiles_.DeleteProfile(call->request(), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
}

absl::Status RecommendationService::Recommend(Recommending* call) {
  const v1::RecommendRequest& request = call->request();
  v1::RecommendResponse* response = call->response();
  WorkerState& state = *states_[call->worker()];

  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  state.subject.Check("subject", request.subject(), &checks);
  checks.Ids("exclude_item_ids", request.exclude_item_ids());
  checks.Ids("candidate_item_ids", request.candidate_item_ids());
  checks.View("view", request.view());
  RecommendOptions options;
  options.k = checks.PageSize("page_size", request.page_size(),
                              request.explain() ? limits::kMaxExplainedPageSize : limits::kMaxPageSize);
  if (!checks.ok()) return checks.status();
  const ModelHandle& model = state.models.Find(request.model());
  if (model == nullptr) return NoSuchModel(*models_, request.model());

  const SubjectReader& subject = state.subject;
  state.subject.Read(store_, request.subject(), request.min_profile_version(), NowMs());
  subject.WriteDegradations(response->mutable_degradations());
  subject.CountDegradations(call->worker(), DegradedMethod::kRecommend, &counters_);
  response->set_profile_version(subject.profile().version);
  state.exclude.assign(request.exclude_item_ids().begin(), request.exclude_item_ids().end());
  state.candidates.assign(request.candidate_item_ids().begin(), request.candidate_item_ids().end());
  options.space = request.space();
  options.include_seen = request.include_seen();
  options.explain = request.explain();
  options.exclude_item_ids = state.exclude;
  options.candidate_item_ids = state.candidates;

  const RecommendResult& result = state.result;
  RETURN_IF_ERROR(EngineStatus(Recommender(*model).Recommend(subject.view(), options, &state.engine, &state.result),
                               *model, request.space()));
  counters_.CountAnswer(call->worker(), result.source);
  for (const auto& events : {subject.view().live_history, subject.view().inline_events}) {
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

}  // namespace kindred
