#include "core/engine/hybrid.h"

#include <algorithm>

namespace kindred {

bool IsHybridReady(const Model& model) {
  return std::any_of(model.spaces().begin(), model.spaces().end(), [](const auto& space) {
    if (space->spec.fold_in == FoldIn::kSparse) return true;
    return !space->parts.empty() && std::find(space->parts.begin(), space->parts.end(), nullptr) == space->parts.end();
  });
}

}  // namespace kindred
