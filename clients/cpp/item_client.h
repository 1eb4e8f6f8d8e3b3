// A client of kindred.v1.ItemService, which a server has on its admin port for gRPC. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "clients/cpp/call_retry.h"
#include "kindred/v1/item_service.grpc.pb.h"

namespace kindred {

class ItemClient {
 public:
  // `address` as MakeChannel's.
  explicit ItemClient(const std::string& address, const ClientOptions& options = {});

  // Each makes one call, tried again as RecommendClient's are. A change that is tried again may count as none:
  // `changed` is of the last attempt.
  absl::StatusOr<v1::SetAvailabilityResponse> SetAvailability(const v1::SetAvailabilityRequest& request);
  absl::StatusOr<v1::ListUnavailableItemsResponse> ListUnavailableItems(const v1::ListUnavailableItemsRequest& request);

 private:
  ClientOptions options_;
  std::unique_ptr<v1::ItemService::Stub> stub_;
};

}  // namespace kindred
