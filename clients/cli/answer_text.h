// Answers of the API as people read them: one line that says what it is, then a table.
#pragma once

#include <string>

#include "kindred/v1/item_service.pb.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

std::string ToText(const v1::RecommendRequest& request, const v1::RecommendResponse& response);
std::string ToText(const v1::SimilarItemsRequest& request, const v1::SimilarItemsResponse& response);
// A table for each query.
std::string ToText(const v1::ScoreItemsRequest& request, const v1::ScoreItemsResponse& response);
// The first few values of each vector.
std::string ToText(const v1::GetVectorsResponse& response);
std::string ToText(const v1::SetAvailabilityResponse& response);
// An id a line behind the first.
std::string ToText(const v1::ListUnavailableItemsResponse& response);

}  // namespace kindred
