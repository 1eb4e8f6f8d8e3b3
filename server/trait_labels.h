// Names for the dimensions of a space: the display names of its strongest items.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/model.h"

namespace kindred {

// The first three distinct names among the strongest items of dimension `trait`, joined by " · ", each cut to 60 bytes;
// empty when the space has no such list. REQUIRES: trait < space.spec.dim.
std::string TraitLabel(const Model& model, const Space& space, uint32_t trait);

// Labels made so far for one answer: a dimension that many items share is named once. Not thread-safe.
class TraitLabels {
 public:
  // Forgets all. The model and space must outlive the use.
  void Reset(const Model& model, const Space& space);
  const std::string& Label(uint32_t trait);

 private:
  const Model* model_ = nullptr;
  const Space* space_ = nullptr;
  std::vector<std::string> labels_;
};

}  // namespace kindred
