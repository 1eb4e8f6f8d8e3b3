// A client of kindred.v1.RecommendationService: one channel, a deadline on every call, and a retry where a retry is
// safe. Thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"

namespace kindred {

struct RecommendClientOptions {
  absl::Duration timeout = absl::Seconds(5);              // of a call, its retries included; > 0
  int max_attempts = 3;                                   // ≥ 1
  absl::Duration first_backoff = absl::Milliseconds(50);  // before the second attempt; doubles, with jitter
};

class RecommendClient {
 public:
  // Connects (without TLS) at the first call. `address`: "host:port", or any gRPC target; calls are spread over all
  // addresses that it resolves to.
  explicit RecommendClient(const std::string& address, const RecommendClientOptions& options = {});
  RecommendClient(const std::shared_ptr<grpc::Channel>& channel, const RecommendClientOptions& options);

  // Each makes one call. Errors have the server's code, message and details (rpc_status.h), DEADLINE_EXCEEDED after
  // options.timeout. UNAVAILABLE is tried again up to max_attempts, nothing else is, and UpdateProfile only with an
  // update_id, for without one a retry could count twice.
  absl::StatusOr<v1::RecommendResponse> Recommend(const v1::RecommendRequest& request);
  absl::StatusOr<v1::SimilarItemsResponse> SimilarItems(const v1::SimilarItemsRequest& request);
  absl::StatusOr<v1::UpdateProfileResponse> UpdateProfile(const v1::UpdateProfileRequest& request);
  absl::StatusOr<v1::GetProfileResponse> GetProfile(const v1::GetProfileRequest& request);

 private:
  absl::Status Call(int max_attempts, const std::function<grpc::Status(grpc::ClientContext*)>& attempt) const;

  std::unique_ptr<v1::RecommendationService::Stub> stub_;
  RecommendClientOptions options_;
};

}  // namespace kindred
