// The methods of RecommendationService that rank: Recommend, BatchRecommend, StreamRecommend, SimilarItems, ScoreItems,
// GetVectors. Thread-safe; a WorkerState belongs to its thread.
//
// Those that may take more than a millisecond, or wait for profiles, are answered in steps: one that ends with kAgain
// or kWait is to be followed by another with the same arguments, which may come after other calls of the worker and
// with another turn of its state; after kWait it comes when the call, which the step has paused, is resumed. `progress`
// is what the steps have in common, fresh for the first. All steps of a long call answer from one generation. `call`
// says when to rest and when to give up; nullptr: never, which is for stores that are not remote.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/call_progress.h"
#include "server/profile_store.h"
#include "server/profiles/answer_cache.h"
#include "server/rpc/call.h"
#include "server/rpc/server_stream_call.h"
#include "server/service_counters.h"
#include "server/worker_state.h"

namespace kindred {

class RecommendMethods {
 public:
  // All must outlive this. `answers`: where whole answers of Recommend are kept, for which the store has to be remote;
  // nullptr: nowhere.
  RecommendMethods(const ModelRegistry* models, ProfileStore* store, ServiceCounters* counters,
                   AnswerCache* answers = nullptr)
      : models_(models), store_(store), counters_(counters), answers_(answers) {}

  // Of one step, or where the store is remote of up to three. `call` and `progress` are not used otherwise.
  absl::StatusOr<rpc::CallStep> Recommend(const v1::RecommendRequest& request, rpc::Call* call, CallProgress* progress,
                                          WorkerState* state, v1::RecommendResponse* response) const;
  // A subject that is no good gets a status of its own; the batch fails only for what all have in common.
  absl::StatusOr<rpc::CallStep> BatchRecommend(const v1::BatchRecommendRequest& request, rpc::Call* call,
                                               CallProgress* progress, WorkerState* state,
                                               v1::BatchRecommendResponse* response) const;
  // As rpc::MessageSource::Next: the answers for the next subjects, at most kStreamChunk of them.
  static constexpr int kStreamChunk = 100;
  absl::StatusOr<rpc::StreamStep> StreamRecommend(const v1::StreamRecommendRequest& request, rpc::Call* call,
                                                  CallProgress* progress, WorkerState* state,
                                                  v1::StreamRecommendResponse* response) const;
  absl::Status SimilarItems(const v1::SimilarItemsRequest& request, WorkerState* state,
                            v1::SimilarItemsResponse* response) const;
  absl::StatusOr<rpc::CallStep> ScoreItems(const v1::ScoreItemsRequest& request, rpc::Call* call,
                                           CallProgress* progress, WorkerState* state,
                                           v1::ScoreItemsResponse* response) const;
  absl::Status GetVectors(const v1::GetVectorsRequest& request, WorkerState* state,
                          v1::GetVectorsResponse* response) const;

 private:
  using Subjects = google::protobuf::RepeatedPtrField<v1::Subject>;
  using Results = google::protobuf::RepeatedPtrField<v1::RecommendResult>;

  // The generation that answers `reference`, for `user` where there is one; the page of a list that another one began,
  // whose hash is *list_generation, comes from that as long as it is ready.
  absl::Status FindModel(std::string_view reference, WorkerState* state, const Model** model,
                         std::string_view user = {}, const uint64_t* list_generation = nullptr) const;
  // The same for all steps of a call.
  absl::Status Pin(std::string_view reference, WorkerState* state, CallProgress* progress) const;
  // What the engine says of a request, with the reason or the field that a caller needs.
  static absl::Status RequestStatus(absl::Status status, const v1::RecommendRequest& request, std::string_view prefix);

  // Makes the state's request and plan those of this call, unless they are still.
  absl::Status TakeUp(const v1::RecommendRequest& request, CallProgress* progress, WorkerState* state) const;
  // A step of the subjects [progress->next, progress->end), one result each. Where they outgrow the answer, statuses.
  absl::StatusOr<rpc::CallStep> AnswerMany(const v1::RecommendRequest& request, const Subjects& subjects,
                                           rpc::Call* call, CallProgress* progress, WorkerState* state,
                                           Results* results) const;
  // The next `n` of them, which are scanned for together.
  void AnswerGroup(const v1::RecommendRequest& request, const Subjects& subjects, int n, CallProgress* progress,
                   WorkerState* state, Results* results) const;
  // Whether the answer may be served from the cache, and kept there: the first page of the list for a user whose
  // profile could be read.
  bool Cacheable(const v1::RecommendRequest& request, const SubjectReader& subject) const;
  // Makes `response` the answer that was found; false, and an empty one, when it is none.
  bool TakeCached(const Model& model, const SubjectReader& subject, const std::string& answer, WorkerState* state,
                  v1::RecommendResponse* response) const;
  void CountAnswer(const Model& model, const SubjectReader& subject, AnswerSource source, WorkerState* state) const;
  void WriteAnswer(const Model& model, const v1::RecommendRequest& request, const SubjectReader& subject,
                   const RecommendResult& result, WorkerState* state, v1::RecommendResponse* response) const;

  absl::Status ScoreQuery(const v1::ScoreQuery& query, const CallProgress& progress, const SpaceSpec& spec,
                          bool spaces_missing, RecommendOptions* options, WorkerState* state,
                          v1::ScoreResult* result) const;
  void WriteScores(const Model& model, const v1::ScoreQuery& query, const SpaceSpec& spec, bool values,
                   WorkerState* state, v1::ScoreResult* result) const;
  bool WriteToken(const Model& model, const Space& space, const std::string& token, bool resolve,
                  v1::GetVectorsResponse* response) const;

  const ModelRegistry* const models_;
  ProfileStore* const store_;
  ServiceCounters* const counters_;
  AnswerCache* const answers_;
};

}  // namespace kindred
