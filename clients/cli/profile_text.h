// Answers about profiles as people read them.
#pragma once

#include <string>

#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

std::string ToText(const v1::UpdateProfileRequest& request, const v1::UpdateProfileResponse& response);
// Shows at most `limit` traits, events (the latest) and trained items each, and says how many there are.
std::string ToText(const v1::GetProfileResponse& response, int limit);
// A row for each user, whose ids are `request`'s.
std::string ToText(const v1::BatchGetProfileRequest& request, const v1::BatchGetProfileResponse& response);
std::string ToText(const v1::DeleteProfileRequest& request, const v1::DeleteProfileResponse& response);

}  // namespace kindred
