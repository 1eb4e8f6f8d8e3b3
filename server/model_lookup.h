// Finding the model and the space that a request names, and what to say when there is none. Pure functions.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "core/engine/model.h"
#include "core/lifecycle/model_registry.h"

namespace kindred {

// Of a name that ModelReader::Find did not find. INVALID_ARGUMENT for an empty one, else NOT_FOUND; names the models
// that are served.
absl::Status NoSuchModel(const ModelRegistry& models, std::string_view name);

// NOT_FOUND of a space that Model::FindSpace did not find.
absl::Status NoSuchSpace(const Model& model, std::string_view space);

// The engine says NOT_FOUND of a space or an item; callers tell them apart by the reason that this adds.
absl::Status EngineStatus(absl::Status status, const Model& model, std::string_view space);

}  // namespace kindred
