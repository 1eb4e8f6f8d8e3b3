// Category and action vectors of the spaces with tokens (derive.h): means of the vectors of their tokens, what stands
// in for tokens that were not trained (token_embedding.h). Deterministic.
#pragma once

#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/tensor.h"

namespace kindred {

// Appends those whose names are `wanted`; category vectors of more than 2^26 numbers are not made. INVALID_ARGUMENT for
// two equal ids. O(tokens · d_e).
absl::Status AppendTokenMeans(const BundleInfo& info, const TensorMap& tensors,
                              absl::FunctionRef<bool(std::string_view)> wanted, std::vector<OwnedTensor>* out);

}  // namespace kindred
