// Answers of the API as people read them: one line that says what it is, then a table.
#pragma once

#include <string>

#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

std::string ToText(const v1::RecommendRequest& request, const v1::RecommendResponse& response);
std::string ToText(const v1::SimilarItemsRequest& request, const v1::SimilarItemsResponse& response);
std::string ToText(const v1::UpdateProfileRequest& request, const v1::UpdateProfileResponse& response);
// Shows at most `limit` traits, events (the latest) and trained items each, and says how many there are.
std::string ToText(const v1::GetProfileResponse& response, int limit);

}  // namespace kindred
