#include "clients/cpp/item_client.h"

#include <grpcpp/grpcpp.h>

namespace kindred {

ItemClient::ItemClient(const std::string& address, const ClientOptions& options)
    : options_(options), stub_(v1::ItemService::NewStub(MakeChannel(address, options))) {}

absl::StatusOr<v1::SetAvailabilityResponse> ItemClient::SetAvailability(const v1::SetAvailabilityRequest& request) {
  v1::SetAvailabilityResponse response;
  absl::Status status = CallWithRetries(options_, options_.max_attempts, [&](grpc::ClientContext* context) {
    return stub_->SetAvailability(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::ListUnavailableItemsResponse> ItemClient::ListUnavailableItems(
    const v1::ListUnavailableItemsRequest& request) {
  v1::ListUnavailableItemsResponse response;
  absl::Status status = CallWithRetries(options_, options_.max_attempts, [&](grpc::ClientContext* context) {
    return stub_->ListUnavailableItems(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

}  // namespace kindred
