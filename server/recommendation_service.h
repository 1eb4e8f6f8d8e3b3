// kindred.v1.RecommendationService: checks fields, reads the profile, asks the engine, writes the answer. No arithmetic
// of its own. Thread-safe: each worker has its own state.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/rpc/call_stats.h"
#include "server/rpc/rpc_server.h"
#include "server/service_counters.h"

namespace kindred {

class RecommendationService {
 public:
  // All must outlive this.
  RecommendationService(const ModelRegistry* models, ProfileStore* store, ProfileWriter* writer, uint32_t workers);
  ~RecommendationService();

  // Adds the service and its methods to `server`.
  void Register(rpc::RpcServer* server);

  const ServiceCounters& counters() const { return counters_; }

 private:
  using Recommending = rpc::UnaryCall<v1::RecommendRequest, v1::RecommendResponse>;
  using FindingSimilar = rpc::UnaryCall<v1::SimilarItemsRequest, v1::SimilarItemsResponse>;
  using Updating = rpc::UnaryCall<v1::UpdateProfileRequest, v1::UpdateProfileResponse>;
  using GettingProfile = rpc::UnaryCall<v1::GetProfileRequest, v1::GetProfileResponse>;
  struct WorkerState;

  absl::Status Recommend(Recommending* call);
  absl::Status SimilarItems(FindingSimilar* call);
  absl::Status GetProfile(GettingProfile* call);
  // Finishes the call itself, when the update is durable.
  void UpdateProfile(Updating* call);

  // Reads the live profile of `user_id` into the worker's state; false when the store could not be read.
  bool ReadProfile(std::string_view user_id, WorkerState* state);

  const ModelRegistry* const models_;
  ProfileStore* const store_;
  ProfileWriter* const writer_;
  std::vector<std::unique_ptr<WorkerState>> states_;
  ServiceCounters counters_;
  // Every method takes and gives bytes; the calls parse on their arenas.
  using Service = v1::RecommendationService;
  using Raw = Service::WithRawMethod_Recommend<Service::WithRawMethod_SimilarItems<
      Service::WithRawMethod_UpdateProfile<Service::WithRawMethod_GetProfile<Service::Service>>>>;
  Raw raw_;
};

}  // namespace kindred
