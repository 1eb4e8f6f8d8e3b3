// A client of kindred.v1.RecommendationService: one channel, a deadline on every call, and a retry where a retry is
// safe. Thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "clients/cpp/call_retry.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"

namespace kindred {

using RecommendClientOptions = ClientOptions;

class RecommendClient {
 public:
  // `address` as MakeChannel's.
  explicit RecommendClient(const std::string& address, const RecommendClientOptions& options = {});
  RecommendClient(const std::shared_ptr<grpc::Channel>& channel, const RecommendClientOptions& options);

  // Each makes one call. Errors have the server's code, message and details (rpc_status.h), DEADLINE_EXCEEDED after
  // options.timeout. UNAVAILABLE is tried again up to max_attempts, nothing else is, and UpdateProfile only with an
  // update_id, for without one a retry could count twice. A deletion that is tried again may find nothing left.
  absl::StatusOr<v1::RecommendResponse> Recommend(const v1::RecommendRequest& request);
  absl::StatusOr<v1::BatchRecommendResponse> BatchRecommend(const v1::BatchRecommendRequest& request);
  absl::StatusOr<v1::SimilarItemsResponse> SimilarItems(const v1::SimilarItemsRequest& request);
  absl::StatusOr<v1::ScoreItemsResponse> ScoreItems(const v1::ScoreItemsRequest& request);
  absl::StatusOr<v1::GetVectorsResponse> GetVectors(const v1::GetVectorsRequest& request);
  absl::StatusOr<v1::UpdateProfileResponse> UpdateProfile(const v1::UpdateProfileRequest& request);
  absl::StatusOr<v1::GetProfileResponse> GetProfile(const v1::GetProfileRequest& request);
  absl::StatusOr<v1::BatchGetProfileResponse> BatchGetProfile(const v1::BatchGetProfileRequest& request);
  absl::StatusOr<v1::DeleteProfileResponse> DeleteProfile(const v1::DeleteProfileRequest& request);

  // Gives each message to `take` as it arrives. Tried again only while none has. options.timeout is for all of it.
  absl::Status StreamRecommend(const v1::StreamRecommendRequest& request,
                               const std::function<void(const v1::StreamRecommendResponse&)>& take);

 private:
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const Request& request, int max_attempts,
                                grpc::Status (v1::RecommendationService::Stub::*method)(grpc::ClientContext*,
                                                                                        const Request&, Response*));

  std::unique_ptr<v1::RecommendationService::Stub> stub_;
  RecommendClientOptions options_;
};

}  // namespace kindred
