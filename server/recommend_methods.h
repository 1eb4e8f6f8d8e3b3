// The methods of RecommendationService that rank: Recommend, BatchRecommend, StreamRecommend, SimilarItems, ScoreItems,
// GetVectors. Functions of a request, with no notion of a call: gRPC, tests and fuzzers call them alike. Thread-safe; a
// WorkerState belongs to its thread.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/profile_store.h"
#include "server/service_counters.h"
#include "server/worker_state.h"

namespace kindred {

class RecommendMethods {
 public:
  // All must outlive this.
  RecommendMethods(const ModelRegistry* models, ProfileStore* store, ServiceCounters* counters)
      : models_(models), store_(store), counters_(counters) {}

  // Asked between the subjects of a batch: why there is no sense in going on (the deadline passed, the caller is gone),
  // or OK.
  using Interruption = std::function<absl::Status()>;

  absl::Status Recommend(const v1::RecommendRequest& request, WorkerState* state,
                         v1::RecommendResponse* response) const;
  // A subject that is no good gets a status of its own; the batch fails only for what all have in common.
  absl::Status BatchRecommend(const v1::BatchRecommendRequest& request, const Interruption& interruption,
                              WorkerState* state, v1::BatchRecommendResponse* response) const;
  // The answers for the subjects from `first` on, at most kStreamChunk of them, in response->results; the caller goes
  // on with first + results_size() until that is subjects_size(). The first call checks the request.
  static constexpr int kStreamChunk = 100;
  absl::Status StreamRecommend(const v1::StreamRecommendRequest& request, int first, WorkerState* state,
                               v1::StreamRecommendResponse* response) const;
  absl::Status SimilarItems(const v1::SimilarItemsRequest& request, WorkerState* state,
                            v1::SimilarItemsResponse* response) const;
  absl::Status ScoreItems(const v1::ScoreItemsRequest& request, const Interruption& interruption, WorkerState* state,
                          v1::ScoreItemsResponse* response) const;
  absl::Status GetVectors(const v1::GetVectorsRequest& request, WorkerState* state,
                          v1::GetVectorsResponse* response) const;

 private:
  using Subjects = google::protobuf::RepeatedPtrField<v1::Subject>;
  using Results = google::protobuf::RepeatedPtrField<v1::RecommendResult>;

  absl::Status FindModel(const std::string& name, WorkerState* state, const Model** model) const;
  // Subjects [first, end) by the state's request and plan, one result each. RESOURCE_EXHAUSTED when they outgrow an
  // answer.
  absl::Status AnswerMany(const Model& model, const v1::RecommendRequest& request, const Subjects& subjects, int first,
                          int end, const Interruption& interruption, WorkerState* state, Results* results) const;
  void WriteAnswer(const Model& model, const v1::RecommendRequest& request, const SubjectReader& subject,
                   const RecommendResult& result, WorkerState* state, v1::RecommendResponse* response) const;

  void WriteScores(const Model& model, const v1::ScoreQuery& query, const SpaceSpec& spec, bool values,
                   WorkerState* state, v1::ScoreResult* result) const;
  bool WriteToken(const Model& model, const Space& space, const std::string& token, bool resolve,
                  v1::GetVectorsResponse* response) const;

  const ModelRegistry* const models_;
  ProfileStore* const store_;
  ServiceCounters* const counters_;
};

}  // namespace kindred
