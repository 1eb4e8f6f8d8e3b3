// Models and their versions as JSON: fields named as in the API, enums as lower-case words, times as RFC 3339. Pure
// functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "kindred/v1/model_service.pb.h"

namespace kindred {

// {"models":[…]}
nlohmann::ordered_json ToJson(const v1::ListModelsResponse& response);
// {"model","policy","serving_version","labels":[{"label","version","percent"}],"versions":[…],"shadow"}; "shadow" where
// there is one.
nlohmann::ordered_json ToJson(const v1::ServedModel& model);
// {"version","state","reason","step","progress","serving","poisoned","labels","path","digest","bytes","load_seconds",
// "golden_queries","n_items","n_users","drift","memory","state_time","create_time"}; "drift" and "memory" where they
// are known, times where they are.
nlohmann::ordered_json ToJson(const v1::ModelVersion& version);
// The same behind "model".
nlohmann::ordered_json ToJson(const std::string& model, const v1::ModelVersion& version);

}  // namespace kindred
