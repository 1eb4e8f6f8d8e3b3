#include "server/recommendation_service.h"

#include <string>
#include <string_view>

namespace kindred {
namespace {

constexpr std::string_view kServiceName = "kindred.v1.RecommendationService";

}  // namespace

RecommendationService::RecommendationService(const ModelRegistry* models, AvailabilityRegistry* availability,
                                             ProfileStore* store, ProfileWriter* writer, uint32_t workers)
    : counters_(workers), ranking_(models, store, &counters_), profiles_(models, store, writer, &counters_) {
  states_.reserve(workers);
  for (uint32_t i = 0; i < workers; ++i) states_.push_back(std::make_unique<WorkerState>(models, availability, i));
}

RecommendationService::~RecommendationService() = default;

void RecommendationService::Register(rpc::RpcServer* server) {
  server->AddService(&raw_);
  const auto name = [](std::string_view method) {
    return rpc::MethodName{std::string(kServiceName), std::string(method)};
  };
  const auto request = [this](auto member) {
    return [this, member](grpc::ServerContext* context, grpc::ByteBuffer* bytes, rpc::RawWriter* writer,
                          grpc::CompletionQueue* calls, grpc::ServerCompletionQueue* notifications,
                          void* tag) { (raw_.*member)(context, bytes, writer, calls, notifications, tag); };
  };
  server->AddUnary<v1::RecommendRequest, v1::RecommendResponse>(
      name("Recommend"), request(&Raw::RequestRecommend), [this](auto* call) {
        call->Finish(ranking_.Recommend(call->request(), states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::BatchRecommendRequest, v1::BatchRecommendResponse>(
      name("BatchRecommend"), request(&Raw::RequestBatchRecommend), [this](auto* call) {
        call->Finish(
            ranking_.BatchRecommend(call->request(), nullptr, states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::SimilarItemsRequest, v1::SimilarItemsResponse>(
      name("SimilarItems"), request(&Raw::RequestSimilarItems), [this](auto* call) {
        call->Finish(ranking_.SimilarItems(call->request(), states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::ScoreItemsRequest, v1::ScoreItemsResponse>(
      name("ScoreItems"), request(&Raw::RequestScoreItems), [this](auto* call) {
        call->Finish(ranking_.ScoreItems(call->request(), nullptr, states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::GetVectorsRequest, v1::GetVectorsResponse>(
      name("GetVectors"), request(&Raw::RequestGetVectors), [this](auto* call) {
        call->Finish(ranking_.GetVectors(call->request(), states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::UpdateProfileRequest, v1::UpdateProfileResponse>(
      name("UpdateProfile"), request(&Raw::RequestUpdateProfile), [this](auto* call) {
        profiles_.UpdateProfile(call->request(), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
  server->AddUnary<v1::GetProfileRequest, v1::GetProfileResponse>(
      name("GetProfile"), request(&Raw::RequestGetProfile), [this](auto* call) {
        call->Finish(profiles_.GetProfile(call->request(), states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::BatchGetProfileRequest, v1::BatchGetProfileResponse>(
      name("BatchGetProfile"), request(&Raw::RequestBatchGetProfile), [this](auto* call) {
        call->Finish(profiles_.BatchGetProfile(call->request(), states_[call->worker()].get(), call->response()));
      });
  server->AddUnary<v1::DeleteProfileRequest, v1::DeleteProfileResponse>(
      name("DeleteProfile"), request(&Raw::RequestDeleteProfile), [this](auto* call) {
        profiles_.DeleteProfile(call->request(), call->response(),
                                [call](const absl::Status& status) { call->Finish(status); });
      });
}

}  // namespace kindred
