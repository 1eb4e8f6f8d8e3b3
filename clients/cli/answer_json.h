// Answers of the API as JSON, in the shape that `kindred query --json` promises. Scores print with as few digits as
// give the same float back.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// {"items":[{"item_id","score",…}],"model","version","digest","space","source","profile_version","degradations",
// "missing_ids","exact"}; an item has "name" and "categories" when they were asked for, "terms" and "prior" likewise.
nlohmann::ordered_json ToJson(const v1::RecommendResponse& response);
// As above, without source, profile_version, degradations and missing_ids.
nlohmann::ordered_json ToJson(const v1::SimilarItemsResponse& response);
// {"user_id","profile_version","durability","duplicate","update_id"}
nlohmann::ordered_json ToJson(const v1::UpdateProfileRequest& request, const v1::UpdateProfileResponse& response);
// {"user_id","profile_version","update_time","source","trained","traits":[…],"events":[…],"trained_items":[…],…}
nlohmann::ordered_json ToJson(const v1::GetProfileResponse& response);

}  // namespace kindred
