#include "clients/cpp/recommend_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <random>

#include "absl/time/clock.h"
#include "clients/cpp/rpc_status.h"

namespace kindred {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const RecommendClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  // gRPC waits a second before it connects again, longer than all attempts of a call together.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   static_cast<int>(std::max<int64_t>(1, absl::ToInt64Milliseconds(options.first_backoff))));
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// A backoff between half and all of `limit`, so that clients that failed together do not come back together.
absl::Duration Jittered(absl::Duration limit) {
  thread_local std::minstd_rand random(std::random_device{}());
  return limit * std::uniform_real_distribution<double>(0.5, 1.0)(random);
}

}  // namespace

RecommendClient::RecommendClient(const std::string& address, const RecommendClientOptions& options)
    : RecommendClient(MakeChannel(address, options), options) {}

RecommendClient::RecommendClient(const std::shared_ptr<grpc::Channel>& channel, const RecommendClientOptions& options)
    : stub_(v1::RecommendationService::NewStub(channel)), options_(options) {}

absl::Status RecommendClient::Call(int max_attempts,
                                   const std::function<grpc::Status(grpc::ClientContext*)>& attempt) const {
  const absl::Time deadline = absl::Now() + options_.timeout;
  absl::Duration backoff = options_.first_backoff;
  for (int attempts = 1;; ++attempts) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    absl::Status status = FromGrpcStatus(attempt(&context));
    if (!absl::IsUnavailable(status) || attempts >= max_attempts) return status;
    const absl::Duration wait = std::max(Jittered(backoff), RetryDelay(status).value_or(absl::ZeroDuration()));
    if (absl::Now() + wait >= deadline) return status;
    absl::SleepFor(wait);
    backoff *= 2;
  }
}

absl::StatusOr<v1::RecommendResponse> RecommendClient::Recommend(const v1::RecommendRequest& request) {
  v1::RecommendResponse response;
  absl::Status status = Call(options_.max_attempts, [&](grpc::ClientContext* context) {
    return stub_->Recommend(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::SimilarItemsResponse> RecommendClient::SimilarItems(const v1::SimilarItemsRequest& request) {
  v1::SimilarItemsResponse response;
  absl::Status status = Call(options_.max_attempts, [&](grpc::ClientContext* context) {
    return stub_->SimilarItems(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::UpdateProfileResponse> RecommendClient::UpdateProfile(const v1::UpdateProfileRequest& request) {
  v1::UpdateProfileResponse response;
  const int max_attempts = request.update_id().empty() ? 1 : options_.max_attempts;
  absl::Status status = Call(
      max_attempts, [&](grpc::ClientContext* context) { return stub_->UpdateProfile(context, request, &response); });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::GetProfileResponse> RecommendClient::GetProfile(const v1::GetProfileRequest& request) {
  v1::GetProfileResponse response;
  absl::Status status = Call(options_.max_attempts, [&](grpc::ClientContext* context) {
    return stub_->GetProfile(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

}  // namespace kindred
