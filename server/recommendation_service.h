// kindred.v1.RecommendationService: checks fields, reads the profile, asks the engine, writes the answer. No arithmetic
// of its own. Thread-safe: each worker has its own state.
#pragma once

#include <memory>
#include <vector>

#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"
#include "server/profile_methods.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/rpc/call_stats.h"
#include "server/rpc/rpc_server.h"
#include "server/service_counters.h"
#include "server/worker_state.h"

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

  absl::Status Recommend(Recommending* call);
  absl::Status SimilarItems(FindingSimilar* call);

  const ModelRegistry* const models_;
  ProfileStore* const store_;
  std::vector<std::unique_ptr<WorkerState>> states_;
  ServiceCounters counters_;
  const ProfileMethods profiles_;
  // Every method takes and gives bytes; the calls parse on their arenas.
  using Service = v1::RecommendationService;
  // Of a method that is not here gRPC says UNIMPLEMENTED.
  using Raw = Service::WithRawMethod_Recommend<
      Service::WithRawMethod_SimilarItems<Service::WithRawMethod_UpdateProfile<Service::WithRawMethod_GetProfile<
          Service::WithRawMethod_BatchGetProfile<Service::WithRawMethod_DeleteProfile<Service::Service>>>>>>;
  Raw raw_;
};

}  // namespace kindred
