// Several pages of a list as one answer.
#pragma once

#include "absl/status/statusor.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {

// The pages from request.page_token on, at most `max_pages` (≥ 1): the first page's answer with the items of all and
// the next_page_token of the last. The error of the page that failed, such as FAILED_PRECONDITION when the model or the
// profile has changed in between.
absl::StatusOr<v1::RecommendResponse> RecommendPages(RecommendClient* client, v1::RecommendRequest request,
                                                     int max_pages);

}  // namespace kindred
