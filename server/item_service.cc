#include "server/item_service.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "server/field_checks.h"
#include "server/item_page_token.h"
#include "server/limits.h"
#include "server/logging.h"
#include "server/rpc/raw_service.h"

namespace kindred {
namespace {

constexpr std::string_view kServiceName = "kindred.v1.ItemService";

// What an answer has beside its ids: two numbers and a page token.
constexpr size_t kOtherBytes = limits::kMaxItemPageTokenBytes + 64;
// Tag and length of an id.
constexpr size_t kIdOverheadBytes = 3;

// Names each id that is in both lists.
void CheckDisjoint(const v1::SetAvailabilityRequest& request, FieldChecks* checks) {
  std::vector<std::string_view> out(request.unavailable_item_ids().begin(), request.unavailable_item_ids().end());
  std::sort(out.begin(), out.end());
  for (int i = 0; i < request.available_item_ids_size(); ++i) {
    if (!std::binary_search(out.begin(), out.end(), std::string_view(request.available_item_ids(i)))) continue;
    checks->Add(absl::StrFormat("available_item_ids[%d]", i),
                "is in unavailable_item_ids too, expected in one of them");
  }
}

}  // namespace

void ItemService::Register(rpc::RpcServer* server) {
  server->AddService(&raw_);
  const auto name = rpc::MethodsOf(kServiceName);
  const auto request = rpc::RequestsOf(&raw_);
  server->AddUnary<v1::SetAvailabilityRequest, v1::SetAvailabilityResponse>(
      name("SetAvailability"), request(&Raw::RequestSetAvailability),
      [this](auto* call) { call->Finish(SetAvailability(call->request(), call->response())); });
  server->AddUnary<v1::ListUnavailableItemsRequest, v1::ListUnavailableItemsResponse>(
      name("ListUnavailableItems"), request(&Raw::RequestListUnavailableItems),
      [this](auto* call) { call->Finish(ListUnavailableItems(call->request(), call->response())); });
}

absl::Status ItemService::SetAvailability(const v1::SetAvailabilityRequest& request,
                                          v1::SetAvailabilityResponse* response) const {
  FieldChecks checks;
  checks.Ids("unavailable_item_ids", request.unavailable_item_ids());
  checks.Ids("available_item_ids", request.available_item_ids());
  if (checks.ok()) CheckDisjoint(request, &checks);
  if (!checks.ok()) return checks.status();

  const std::vector<std::string_view> out(request.unavailable_item_ids().begin(), request.unavailable_item_ids().end());
  const std::vector<std::string_view> back(request.available_item_ids().begin(), request.available_item_ids().end());
  const absl::StatusOr<AvailabilityStore::Change> change = store_->Set(out, back);
  if (!change.ok()) {
    LogError("availability not changed", {{"error", std::string(change.status().message())}});
    return change.status();
  }
  LogInfo(
      "availability",
      {{"changed", change->changed}, {"unavailable", change->unavailable}, {"availability_version", change->version}});
  response->set_unavailable_items(static_cast<int64_t>(change->unavailable));
  response->set_availability_version(change->version);
  response->set_changed(static_cast<int64_t>(change->changed));
  return absl::OkStatus();
}

absl::Status ItemService::ListUnavailableItems(const v1::ListUnavailableItemsRequest& request,
                                               v1::ListUnavailableItemsResponse* response) const {
  FieldChecks checks;
  if (request.page_size() < 0) {
    checks.Add("page_size", absl::StrFormat("is %d, expected 0 (for %d) to %d", request.page_size(),
                                            limits::kDefaultItemPageSize, limits::kMaxItemPageSize));
  }
  std::string after;
  if (!request.page_token().empty()) {
    absl::StatusOr<std::string> last = DecodeItemPageToken(request.page_token());
    if (last.ok()) {
      after = *std::move(last);
    } else {
      checks.Add("page_token", std::string(last.status().message()));
    }
  }
  if (!checks.ok()) return checks.status();

  const auto items = store_->items();
  const auto page_size =
      static_cast<size_t>(request.page_size() == 0 ? limits::kDefaultItemPageSize
                                                   : std::min(request.page_size(), limits::kMaxItemPageSize));
  size_t next = items->CountUpTo(after);  // "" comes before every id
  size_t room = limits::kMaxResponseBytes - kOtherBytes;
  // A page of long ids ends before the answer is larger than it may be.
  for (; next < items->size() && static_cast<size_t>(response->item_ids_size()) < page_size; ++next) {
    const std::string_view id = items->Id(next);
    if (id.size() + kIdOverheadBytes > room) break;
    room -= id.size() + kIdOverheadBytes;
    response->add_item_ids(id.data(), id.size());
  }
  if (next < items->size()) response->set_next_page_token(EncodeItemPageToken(items->Id(next - 1)));
  response->set_unavailable_items(static_cast<int64_t>(items->size()));
  response->set_availability_version(items->version());
  return absl::OkStatus();
}

}  // namespace kindred
