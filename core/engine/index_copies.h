// Private copies of the indices that a model reads without looking at them again. A mapped file may be overwritten
// while it serves, and what was checked at load must still hold then; these tensors are small beside their file. Large
// ones, rows of users and of sparse spaces, stay mapped and are checked where they are used.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/tensor.h"

namespace kindred {

// Whether CopyIndices copies the tensor of this name.
bool IsCopiedIndex(std::string_view tensor);

// Copies of the items' categories, the popularity order and the strongest items of each trait, as far as `tensors` has
// them, checked once more: errors as CheckContents.
absl::StatusOr<std::vector<OwnedTensor>> CopyIndices(const BundleInfo& info, const TensorMap& tensors,
                                                     const GoOn& go_on);

}  // namespace kindred
