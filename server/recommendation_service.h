// kindred.v1.RecommendationService: checks fields, reads the profile, asks the engine, writes the answer. No arithmetic
// of its own. Thread-safe: each worker has its own state.
#pragma once

#include <memory>
#include <vector>

#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"
#include "server/profile_methods.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/recommend_methods.h"
#include "server/request_log.h"
#include "server/rpc/call_stats.h"
#include "server/rpc/rpc_server.h"
#include "server/service_counters.h"
#include "server/shadow_scorer.h"
#include "server/worker_state.h"

namespace kindred {

class RecommendationService {
 public:
  // All must outlive this. `required`: see ProfileMethods; `answers`: see RecommendMethods; `shadow`: what a sample of
  // answers is compared by, or nullptr; `log`: where a sample of calls goes, nullptr for nowhere.
  RecommendationService(const ModelRegistry* models, AvailabilityRegistry* availability, ProfileStore* store,
                        ProfileWriter* writer, uint32_t workers, StoreDurability required = StoreDurability::kJournal,
                        AnswerCache* answers = nullptr, ShadowScorer* shadow = nullptr, RequestLog* log = nullptr);
  ~RecommendationService();

  // Adds the service and its methods to `server`.
  void Register(rpc::RpcServer* server);

  const ServiceCounters& counters() const { return counters_; }

 private:
  // The state of the call's worker, from now on in use for it.
  WorkerState* StateOf(rpc::Call* call) { return states_[call->worker()]->BeginTurn(); }

  // What a call keeps that waits only where the store is remote; else nullptr.
  template <typename Progress>
  Progress* ProgressOf(rpc::Call* call) const {
    return remote_ ? call->state<Progress>() : nullptr;
  }

  // What method(progress, state), a step of a unary call, says, from a sound generation.
  template <typename TypedCall, typename Method>
  absl::StatusOr<rpc::CallStep> Step(TypedCall* call, CallProgress* progress, const Method& method);
  // And goes on with the call as it says.
  template <typename TypedCall, typename Method>
  void Answer(TypedCall* call, CallProgress* progress, const Method& method);

  using RecommendCall = rpc::UnaryCall<v1::RecommendRequest, v1::RecommendResponse>;
  void Recommend(RecommendCall* call);

  // Gives the log a call if `step` was its last one. `profile`: the one that was used; `time_ms`: as RequestLog::Add.
  template <typename Call>
  void LogAnswer(const char* method, Call* call, const absl::StatusOr<rpc::CallStep>& step, const Profile& profile,
                 int64_t time_ms) {
    if (log_ == nullptr || !step.ok() || *step != rpc::CallStep::kDone || !log_->Sample()) return;
    log_->Add(method, call->request(), *call->response(), profile, time_ms);
  }

  const bool remote_;
  ShadowScorer* const shadow_;
  RequestLog* const log_;
  std::vector<std::unique_ptr<WorkerState>> states_;
  ServiceCounters counters_;
  const RecommendMethods ranking_;
  const ProfileMethods profiles_;
  // Every method takes and gives bytes; the calls parse on their arenas.
  using Service = v1::RecommendationService;
  template <typename Base>
  using Ranking = Service::WithRawMethod_Recommend<
      Service::WithRawMethod_BatchRecommend<Service::WithRawMethod_StreamRecommend<Service::WithRawMethod_SimilarItems<
          Service::WithRawMethod_ScoreItems<Service::WithRawMethod_GetVectors<Base>>>>>>;
  template <typename Base>
  using Profiles = Service::WithRawMethod_UpdateProfile<Service::WithRawMethod_GetProfile<
      Service::WithRawMethod_BatchGetProfile<Service::WithRawMethod_DeleteProfile<Base>>>>;
  using Raw = Ranking<Profiles<Service::Service>>;
  Raw raw_;
};

}  // namespace kindred
