#include "clients/cpp/recommend_client.h"

#include <grpcpp/grpcpp.h>

#include "clients/cpp/rpc_status.h"

namespace kindred {

using Stub = v1::RecommendationService::Stub;

RecommendClient::RecommendClient(const std::string& address, const RecommendClientOptions& options)
    : RecommendClient(MakeChannel(address, options), options) {}

RecommendClient::RecommendClient(const std::shared_ptr<grpc::Channel>& channel, const RecommendClientOptions& options)
    : stub_(v1::RecommendationService::NewStub(channel)), options_(options) {}

template <typename Response, typename Request>
absl::StatusOr<Response> RecommendClient::Call(const Request& request, int max_attempts,
                                               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                            Response*)) {
  Response response;
  absl::Status status = CallWithRetries(options_, max_attempts, [&](grpc::ClientContext* context) {
    return (stub_.get()->*method)(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::RecommendResponse> RecommendClient::Recommend(const v1::RecommendRequest& request) {
  return Call(request, options_.max_attempts, &Stub::Recommend);
}

absl::StatusOr<v1::BatchRecommendResponse> RecommendClient::BatchRecommend(const v1::BatchRecommendRequest& request) {
  return Call(request, options_.max_attempts, &Stub::BatchRecommend);
}

absl::StatusOr<v1::SimilarItemsResponse> RecommendClient::SimilarItems(const v1::SimilarItemsRequest& request) {
  return Call(request, options_.max_attempts, &Stub::SimilarItems);
}

absl::StatusOr<v1::ScoreItemsResponse> RecommendClient::ScoreItems(const v1::ScoreItemsRequest& request) {
  return Call(request, options_.max_attempts, &Stub::ScoreItems);
}

absl::StatusOr<v1::GetVectorsResponse> RecommendClient::GetVectors(const v1::GetVectorsRequest& request) {
  return Call(request, options_.max_attempts, &Stub::GetVectors);
}

absl::StatusOr<v1::UpdateProfileResponse> RecommendClient::UpdateProfile(const v1::UpdateProfileRequest& request) {
  return Call(request, request.update_id().empty() ? 1 : options_.max_attempts, &Stub::UpdateProfile);
}

absl::StatusOr<v1::GetProfileResponse> RecommendClient::GetProfile(const v1::GetProfileRequest& request) {
  return Call(request, options_.max_attempts, &Stub::GetProfile);
}

absl::StatusOr<v1::BatchGetProfileResponse> RecommendClient::BatchGetProfile(
    const v1::BatchGetProfileRequest& request) {
  return Call(request, options_.max_attempts, &Stub::BatchGetProfile);
}

absl::StatusOr<v1::DeleteProfileResponse> RecommendClient::DeleteProfile(const v1::DeleteProfileRequest& request) {
  return Call(request, options_.max_attempts, &Stub::DeleteProfile);
}

absl::Status RecommendClient::StreamRecommend(const v1::StreamRecommendRequest& request,
                                              const std::function<void(const v1::StreamRecommendResponse&)>& take) {
  bool any = false;
  absl::Status failed;
  const absl::Status status = CallWithRetries(options_, options_.max_attempts, [&](grpc::ClientContext* context) {
    const auto reader = stub_->StreamRecommend(context, request);
    v1::StreamRecommendResponse message;
    while (reader->Read(&message)) {
      any = true;
      take(message);
    }
    grpc::Status end = reader->Finish();
    if (!any || end.ok()) return end;
    // What was taken cannot be taken back, so this is no longer a call to try again.
    failed = FromGrpcStatus(end);
    return grpc::Status::OK;
  });
  return failed.ok() ? status : failed;
}

}  // namespace kindred
