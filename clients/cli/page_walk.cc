#include "clients/cli/page_walk.h"

#include <utility>

namespace kindred {

absl::StatusOr<v1::RecommendResponse> RecommendPages(RecommendClient* client, v1::RecommendRequest request,
                                                     int max_pages) {
  auto whole = client->Recommend(request);
  for (int page = 1; page < max_pages && whole.ok() && !whole->next_page_token().empty(); ++page) {
    request.set_page_token(whole->next_page_token());
    auto more = client->Recommend(request);
    if (!more.ok()) return more.status();
    for (v1::RecommendedItem& item : *more->mutable_items()) *whole->add_items() = std::move(item);
    whole->set_next_page_token(more->next_page_token());
  }
  return whole;
}

}  // namespace kindred
