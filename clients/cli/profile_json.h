// Answers about profiles as JSON, in the shape that `kindred query --json` promises. Tokens are Base64.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// {"user_id","profile_version","durability","duplicate","update_id","profile_token"}
nlohmann::ordered_json ToJson(const v1::UpdateProfileRequest& request, const v1::UpdateProfileResponse& response);
// {"user_id","profile_version","update_time","source","trained","traits":[…],"events":[…],"trained_items":[…],…}
nlohmann::ordered_json ToJson(const v1::GetProfileResponse& response);
// {"user_id","existed","durability"}
nlohmann::ordered_json ToJson(const v1::DeleteProfileRequest& request, const v1::DeleteProfileResponse& response);

}  // namespace kindred
