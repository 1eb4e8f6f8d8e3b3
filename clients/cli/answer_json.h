// Answers of the API as JSON, in the shape that `kindred query --json` promises. Scores print with as few digits as
// give the same float back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "google/rpc/status.pb.h"
#include "kindred/v1/item_service.pb.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// {"items":[{"item_id","score",…}],"model","version","digest","space","source","profile_version","degradations",
// "missing_ids","missing_categories","exact","next_page_token"}; an item has "name" and "categories" when they were
// asked for, and "terms", "prior", "boost" and "history" when they say something.
nlohmann::ordered_json ToJson(const v1::RecommendResponse& response);
// {"items","model","version","digest","space","exact"}
nlohmann::ordered_json ToJson(const v1::SimilarItemsResponse& response);
// {"results":[{"subject","scores":[{"item_id","score","value"}],"missing_ids","source","profile_version",
// "degradations"}],"model",…}; "error" in place of the rest where a query has no scores, "value" where the space
// predicts values. `subjects`: what each query is about, in their order.
nlohmann::ordered_json ToJson(const std::vector<std::string>& subjects, const v1::ScoreItemsResponse& response);
// {"items":[{"id","values","columns","fallback"}],"users","tokens","missing_ids","model",…}; "columns" in spaces of
// sparse rows, "fallback" where something stands in.
nlohmann::ordered_json ToJson(const v1::GetVectorsResponse& response);
// {"unavailable_items","availability_version","changed"}
nlohmann::ordered_json ToJson(const v1::SetAvailabilityResponse& response);
// {"item_ids","unavailable_items","availability_version","next_page_token"}
nlohmann::ordered_json ToJson(const v1::ListUnavailableItemsResponse& response);
// {"code","message"}: why one of several has no answer.
nlohmann::ordered_json ToJson(const google::rpc::Status& status);

}  // namespace kindred
