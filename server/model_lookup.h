// Finding the model and the space that a request names, and what to say when there is none. Pure functions.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "core/engine/model.h"
#include "core/lifecycle/model_registry.h"

namespace kindred {

// "<model>@<label or version>", or a model's name alone.
struct ModelReference {
  std::string_view model;
  std::string_view choice;
  bool chosen = false;
};
ModelReference SplitReference(std::string_view reference);

// Of a reference that ModelReader::Find did not find. INVALID_ARGUMENT for an empty name; NOT_FOUND naming the models
// that are served, or the labels and versions of the one that it names; UNAVAILABLE (MODEL_DAMAGED) where every version
// that it may mean is poisoned.
absl::Status NoSuchModel(const ModelRegistry& models, std::string_view name);

// NOT_FOUND of a space that Model::FindSpace did not find.
absl::Status NoSuchSpace(const Model& model, std::string_view space);

// The engine says NOT_FOUND of a space or an item; callers tell them apart by the reason that this adds.
absl::Status EngineStatus(absl::Status status, const Model& model, std::string_view space);

}  // namespace kindred
