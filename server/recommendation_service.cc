#include "server/recommendation_service.h"

#include <string>
#include <string_view>

#include "core/base/status_macros.h"

namespace kindred {
namespace {

constexpr std::string_view kServiceName = "kindred.v1.RecommendationService";

using Streaming = rpc::ServerStreamCall<v1::StreamRecommendRequest, v1::StreamRecommendResponse>;

// The answers for the subjects of one request, so many a message.
class SubjectStream final : public Streaming::Source {
 public:
  SubjectStream(const RecommendMethods* ranking, Streaming* call, WorkerState* state)
      : ranking_(ranking), call_(call), state_(state) {}

  absl::StatusOr<rpc::StreamStep> Next(v1::StreamRecommendResponse* response) override {
    return ranking_->StreamRecommend(call_->request(), call_, &progress_, state_->BeginTurn(), response);
  }

 private:
  const RecommendMethods* const ranking_;
  Streaming* const call_;
  WorkerState* const state_;
  CallProgress progress_;
};

// Goes on with a unary call as its method says.
void GoOn(rpc::Call* call, const absl::StatusOr<rpc::CallStep>& step) {
  if (!step.ok()) return call->Finish(step.status());
  switch (*step) {
    case rpc::CallStep::kDone:
      return call->Finish(absl::OkStatus());
    case rpc::CallStep::kAgain:
      return call->Again();
    case rpc::CallStep::kWait:
      return;
  }
}

// Of several queries the worker's state has the profile of the last one only, and none of one that was refused.
bool HasOneProfile(const v1::ScoreItemsRequest& request, const v1::ScoreItemsResponse& response) {
  return request.queries_size() == 1 && response.results_size() == 1 && response.results(0).status().code() == 0;
}

}  // namespace

RecommendationService::RecommendationService(const ModelRegistry* models, AvailabilityRegistry* availability,
                                             ProfileStore* store, ProfileWriter* writer, uint32_t workers,
                                             StoreDurability required, AnswerCache* answers, RequestLog* log)
    : remote_(store->remote()),
      log_(log),
      counters_(workers),
      ranking_(models, store, &counters_, answers),
      profiles_(models, store, writer, &counters_, required, answers) {
  states_.reserve(workers);
  for (uint32_t i = 0; i < workers; ++i) states_.push_back(std::make_unique<WorkerState>(models, availability, i));
}

RecommendationService::~RecommendationService() = default;

void RecommendationService::Register(rpc::RpcServer* server) {
  server->AddService(&raw_);
  const auto name = [](std::string_view method) {
    return rpc::MethodName{std::string(kServiceName), std::string(method)};
  };
  const auto request = [this](auto member) {
    return [this, member](grpc::ServerContext* context, grpc::ByteBuffer* bytes, auto* writer,
                          grpc::CompletionQueue* calls, grpc::ServerCompletionQueue* notifications,
                          void* tag) { (raw_.*member)(context, bytes, writer, calls, notifications, tag); };
  };
  server->AddUnary<v1::RecommendRequest, v1::RecommendResponse>(
      name("Recommend"), request(&Raw::RequestRecommend), [this](auto* call) {
        WorkerState* state = StateOf(call);
        const auto step =
            ranking_.Recommend(call->request(), call, ProgressOf<CallProgress>(call), state, call->response());
        LogAnswer("Recommend", call, step, state->subject.profile());
        GoOn(call, step);
      });
  server->AddUnary<v1::BatchRecommendRequest, v1::BatchRecommendResponse>(
      name("BatchRecommend"), request(&Raw::RequestBatchRecommend), [this](auto* call) {
        GoOn(call, ranking_.BatchRecommend(call->request(), call, call->template state<CallProgress>(), StateOf(call),
                                           call->response()));
      });
  server->AddServerStream<v1::StreamRecommendRequest, v1::StreamRecommendResponse>(
      name("StreamRecommend"), request(&Raw::RequestStreamRecommend),
      [this](Streaming* call) -> absl::StatusOr<std::unique_ptr<Streaming::Source>> {
        return std::make_unique<SubjectStream>(&ranking_, call, states_[call->worker()].get());
      });
  server->AddUnary<v1::SimilarItemsRequest, v1::SimilarItemsResponse>(
      name("SimilarItems"), request(&Raw::RequestSimilarItems), [this](auto* call) {
        const absl::Status status = ranking_.SimilarItems(call->request(), StateOf(call), call->response());
        if (status.ok()) LogAnswer("SimilarItems", call, rpc::CallStep::kDone, Profile());
        call->Finish(status);
      });
  server->AddUnary<v1::ScoreItemsRequest, v1::ScoreItemsResponse>(
      name("ScoreItems"), request(&Raw::RequestScoreItems), [this](auto* call) {
        WorkerState* state = StateOf(call);
        const auto step =
            ranking_.ScoreItems(call->request(), call, call->template state<CallProgress>(), state, call->response());
        if (HasOneProfile(call->request(), *call->response()))
          LogAnswer("ScoreItems", call, step, state->subject.profile());
        GoOn(call, step);
      });
  server->AddUnary<v1::GetVectorsRequest, v1::GetVectorsResponse>(
      name("GetVectors"), request(&Raw::RequestGetVectors),
      [this](auto* call) { call->Finish(ranking_.GetVectors(call->request(), StateOf(call), call->response())); });
  server->AddUnary<v1::UpdateProfileRequest, v1::UpdateProfileResponse>(
      name("UpdateProfile"), request(&Raw::RequestUpdateProfile), [this](auto* call) {
        profiles_.UpdateProfile(call->request(), call, ProgressOf<WriteProgress>(call), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
  server->AddUnary<v1::GetProfileRequest, v1::GetProfileResponse>(
      name("GetProfile"), request(&Raw::RequestGetProfile), [this](auto* call) {
        GoOn(call, profiles_.GetProfile(call->request(), call, ProgressOf<CallProgress>(call), StateOf(call),
                                        call->response()));
      });
  server->AddUnary<v1::BatchGetProfileRequest, v1::BatchGetProfileResponse>(
      name("BatchGetProfile"), request(&Raw::RequestBatchGetProfile), [this](auto* call) {
        GoOn(call, profiles_.BatchGetProfile(call->request(), call, call->template state<CallProgress>(), StateOf(call),
                                             call->response()));
      });
  server->AddUnary<v1::DeleteProfileRequest, v1::DeleteProfileResponse>(
      name("DeleteProfile"), request(&Raw::RequestDeleteProfile), [this](auto* call) {
        profiles_.DeleteProfile(call->request(), call, ProgressOf<WriteProgress>(call), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
}

}  // namespace kindred
