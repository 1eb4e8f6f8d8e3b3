// Names for the dimensions of a space: the display names of its strongest items.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/model.h"

namespace kindred {

// The first three distinct names among the strongest items of dimension `trait`, joined by " · ", each cut to 60 bytes;
// empty when the space has no such list. REQUIRES: trait < space.spec.dim.
std::string TraitLabel(const Model& model, const Space& space, uint32_t trait);

// Labels made so far for one answer, of one space or of the parts of a blend: a dimension that many items share is
// named once. Not thread-safe.
class TraitLabels {
 public:
  // Forgets all. The model and the spaces must outlive the use, and what `parts` views too.
  void Reset(const Model& model, std::span<const Space* const> parts);
  // REQUIRES: parts[part] has an item matrix and the dimension `trait`.
  const std::string& Label(size_t part, uint32_t trait);

 private:
  const Model* model_ = nullptr;
  std::span<const Space* const> parts_;
  std::vector<size_t> begin_;  // of a part's labels
  std::vector<std::string> labels_;
};

}  // namespace kindred
