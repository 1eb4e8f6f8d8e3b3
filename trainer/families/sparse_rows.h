// The item matrix of a sparse space as tensors. Pure function, thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/bundle/tensor.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

// Appends space.<space>.rows.offsets, .values and .weights of `rows`: [n_items × dim]. INVALID_ARGUMENT when a value
// does not fit a 32-bit float.
absl::Status AddSparseRows(std::string_view space, const SparseMatrix& rows, std::vector<OwnedTensor>* tensors);

}  // namespace kindred
