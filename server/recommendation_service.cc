#include "server/recommendation_service.h"

#include <optional>
#include <string>
#include <string_view>

#include "server/request_events.h"
#include "server/rpc/raw_service.h"
#include "server/sound_answer.h"

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
    WorkerState* const state = state_->BeginTurn();
    absl::StatusOr<rpc::StreamStep> step = AnswerSoundly<rpc::StreamStep>(
        state, &progress_, response, /*may_restart=*/!sent_,
        [&] { return ranking_->StreamRecommend(call_->request(), call_, &progress_, state, response); });
    if (step.ok() && *step == rpc::StreamStep::kMessage) sent_ = true;
    return step;
  }

 private:
  const RecommendMethods* const ranking_;
  Streaming* const call_;
  WorkerState* const state_;
  CallProgress progress_;
  bool sent_ = false;  // a message
};

// Goes on with a unary call as its method says.
void Proceed(rpc::Call* call, const absl::StatusOr<rpc::CallStep>& step) {
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

// Of a method of one step.
absl::StatusOr<rpc::CallStep> Done(const absl::Status& status) {
  if (!status.ok()) return status;
  return rpc::CallStep::kDone;
}

// Of several queries the worker's state has the profile of the last one only, and none of one that was refused.
bool HasOneProfile(const v1::ScoreItemsRequest& request, const v1::ScoreItemsResponse& response) {
  return request.queries_size() == 1 && response.results_size() == 1 && response.results(0).status().code() == 0;
}

}  // namespace

template <typename TypedCall, typename Method>
absl::StatusOr<rpc::CallStep> RecommendationService::Step(TypedCall* call, CallProgress* progress,
                                                          const Method& method) {
  WorkerState* const state = StateOf(call);
  return AnswerSoundly<rpc::CallStep>(state, progress, call->response(), /*may_restart=*/true,
                                      [&] { return method(progress, state); });
}

template <typename TypedCall, typename Method>
void RecommendationService::Answer(TypedCall* call, CallProgress* progress, const Method& method) {
  Proceed(call, Step(call, progress, method));
}

void RecommendationService::Recommend(RecommendCall* call) {
  WorkerState* const state = StateOf(call);
  CallProgress* const progress = ProgressOf<CallProgress>(call);
  const std::optional<uint32_t> draw = shadow_ == nullptr ? std::nullopt : shadow_->Draw();
  const int64_t begin = draw.has_value() ? ShadowScorer::ThreadCpuNs() : 0;
  const absl::StatusOr<rpc::CallStep> step = AnswerSoundly<rpc::CallStep>(
      state, progress, call->response(), /*may_restart=*/true,
      [&] { return ranking_.Recommend(call->request(), call, progress, state, call->response()); });
  if (draw.has_value() && step.ok() && *step == rpc::CallStep::kDone) {
    shadow_->Offer(*draw, state->models.FindRoutes(call->request().model()), call->request(), *call->response(),
                   ShadowScorer::ThreadCpuNs() - begin);
  }
  LogAnswer("Recommend", call, step, state->subject.profile(), state->subject.now_ms());
  Proceed(call, step);
}

RecommendationService::RecommendationService(const ModelRegistry* models, AvailabilityRegistry* availability,
                                             ProfileStore* store, ProfileWriter* writer, uint32_t workers,
                                             StoreDurability required, AnswerCache* answers, ShadowScorer* shadow,
                                             RequestLog* log)
    : remote_(store->remote()),
      shadow_(shadow),
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
  // A worker that no call reaches would keep the generations that it saw last.
  server->OnIdle([this](uint32_t worker) { states_[worker]->LetGo(); });
  const auto name = rpc::MethodsOf(kServiceName);
  const auto request = rpc::RequestsOf(&raw_);
  server->AddUnary<v1::RecommendRequest, v1::RecommendResponse>(name("Recommend"), request(&Raw::RequestRecommend),
                                                                [this](auto* call) { Recommend(call); });
  server->AddUnary<v1::BatchRecommendRequest, v1::BatchRecommendResponse>(
      name("BatchRecommend"), request(&Raw::RequestBatchRecommend), [this](auto* call) {
        Answer(call, call->template state<CallProgress>(), [&](CallProgress* progress, WorkerState* state) {
          return ranking_.BatchRecommend(call->request(), call, progress, state, call->response());
        });
      });
  server->AddServerStream<v1::StreamRecommendRequest, v1::StreamRecommendResponse>(
      name("StreamRecommend"), request(&Raw::RequestStreamRecommend),
      [this](Streaming* call) -> absl::StatusOr<std::unique_ptr<Streaming::Source>> {
        return std::make_unique<SubjectStream>(&ranking_, call, states_[call->worker()].get());
      });
  server->AddUnary<v1::SimilarItemsRequest, v1::SimilarItemsResponse>(
      name("SimilarItems"), request(&Raw::RequestSimilarItems), [this](auto* call) {
        const auto step = Step(call, nullptr, [&](CallProgress*, WorkerState* state) {
          return Done(ranking_.SimilarItems(call->request(), state, call->response()));
        });
        LogAnswer("SimilarItems", call, step, Profile(), NowMs());
        Proceed(call, step);
      });
  server->AddUnary<v1::ScoreItemsRequest, v1::ScoreItemsResponse>(
      name("ScoreItems"), request(&Raw::RequestScoreItems), [this](auto* call) {
        WorkerState* asked = nullptr;
        const auto step =
            Step(call, call->template state<CallProgress>(), [&](CallProgress* progress, WorkerState* state) {
              asked = state;
              return ranking_.ScoreItems(call->request(), call, progress, state, call->response());
            });
        if (HasOneProfile(call->request(), *call->response()) && asked != nullptr) {
          LogAnswer("ScoreItems", call, step, asked->subject.profile(), asked->subject.now_ms());
        }
        Proceed(call, step);
      });
  server->AddUnary<v1::GetVectorsRequest, v1::GetVectorsResponse>(
      name("GetVectors"), request(&Raw::RequestGetVectors), [this](auto* call) {
        Answer(call, nullptr, [&](CallProgress*, WorkerState* state) {
          return Done(ranking_.GetVectors(call->request(), state, call->response()));
        });
      });
  server->AddUnary<v1::UpdateProfileRequest, v1::UpdateProfileResponse>(
      name("UpdateProfile"), request(&Raw::RequestUpdateProfile), [this](auto* call) {
        profiles_.UpdateProfile(call->request(), call, ProgressOf<WriteProgress>(call), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
  server->AddUnary<v1::GetProfileRequest, v1::GetProfileResponse>(
      name("GetProfile"), request(&Raw::RequestGetProfile), [this](auto* call) {
        Answer(call, ProgressOf<CallProgress>(call), [&](CallProgress* progress, WorkerState* state) {
          return profiles_.GetProfile(call->request(), call, progress, state, call->response());
        });
      });
  server->AddUnary<v1::BatchGetProfileRequest, v1::BatchGetProfileResponse>(
      name("BatchGetProfile"), request(&Raw::RequestBatchGetProfile), [this](auto* call) {
        Answer(call, call->template state<CallProgress>(), [&](CallProgress* progress, WorkerState* state) {
          return profiles_.BatchGetProfile(call->request(), call, progress, state, call->response());
        });
      });
  server->AddUnary<v1::DeleteProfileRequest, v1::DeleteProfileResponse>(
      name("DeleteProfile"), request(&Raw::RequestDeleteProfile), [this](auto* call) {
        profiles_.DeleteProfile(call->request(), call, ProgressOf<WriteProgress>(call), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
}

}  // namespace kindred
