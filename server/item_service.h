// kindred.v1.ItemService, what operators say of items: checks fields, changes or lists the set. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "kindred/v1/item_service.grpc.pb.h"
#include "server/availability_store.h"
#include "server/rpc/rpc_server.h"

namespace kindred {

class ItemService {
 public:
  // `store` must outlive this.
  explicit ItemService(AvailabilityStore* store) : store_(store) {}

  // Adds the service and its methods to `server`.
  void Register(rpc::RpcServer* server);

  // The methods, with no notion of a call. The first waits for the disk.
  absl::Status SetAvailability(const v1::SetAvailabilityRequest& request, v1::SetAvailabilityResponse* response) const;
  absl::Status ListUnavailableItems(const v1::ListUnavailableItemsRequest& request,
                                    v1::ListUnavailableItemsResponse* response) const;

 private:
  AvailabilityStore* const store_;
  using Service = v1::ItemService;
  using Raw = Service::WithRawMethod_SetAvailability<Service::WithRawMethod_ListUnavailableItems<Service::Service>>;
  Raw raw_;
};

}  // namespace kindred
