// One call of a load on its way: its request, its answer, and what the answer tells. Not thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "clients/cli/load_counts.h"
#include "clients/cli/load_options.h"
#include "clients/cli/load_workload.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"

namespace kindred {

// A channel with a connection of its own, which is soon back when its server is.
std::shared_ptr<grpc::Channel> LoadChannel(const std::string& server);

struct LoadCall {
  PlannedCall plan;
  grpc::ClientContext context;
  grpc::Status status;

  // Sends it; `tag` comes out of `queue` when it has ended, by its answer or its deadline. Once.
  void Start(const LoadOptions& options, const std::string& user, v1::RecommendationService::Stub* stub,
             grpc::CompletionQueue* queue, void* tag);

  // Of a call that was answered: source, model, degradations.
  void Tell(LoadOutcome* outcome) const;
  // Whether the answer carries what is not its user's. Events from before `start_ms` may be of an earlier load with
  // another catalogue, or, unless only loads have given the users events (`known_users`), of anyone.
  bool Foreign(const LoadWorkload& workload, int64_t start_ms, bool known_users) const;
  // Of an update.
  const v1::UpdateProfileResponse& updated() const { return updated_; }

 private:
  v1::RecommendResponse recommended_;
  v1::GetProfileResponse profile_;
  v1::UpdateProfileResponse updated_;
  // The one of its method.
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::RecommendResponse>> recommend_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::GetProfileResponse>> get_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::UpdateProfileResponse>> update_;
};

}  // namespace kindred
