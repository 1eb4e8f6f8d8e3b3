// The declared tensors of a bundle: dtype, symbolic shape and content rule of each, and the checks that follow.
// docs/bundle_format.md is this table in prose. Pure functions, thread-safe.
#pragma once

#include "absl/status/status.h"
#include "core/bundle/bundle_reader.h"

namespace kindred {

// Checks names, dtypes, shapes and their agreement across tensors from the header alone, and fills the counts of
// `info` (n_items, …) and, for a raw bundle, `info.spaces` (one per `space.<name>.items`; ridge, identity, dot) and
// `info.default_space`. Errors: INVALID_ARGUMENT naming tensor, offset, expected and found.
absl::Status CheckStructure(BundleInfo* info);

// Checks what the tensors hold: CSR offsets start at 0, never fall and end at the number of values; indices are in
// range and rows ascend; id tables are valid UTF-8, 1 to kMaxIdBytes bytes each, distinct and found through their hash
// index; numbers are finite (NaN allowed in attributes); priors, scales, bounds and norms are not negative;
// popularity_order is a permutation. `derived` tensors are not recomputed here (engine/derive does).
// Memory that is short is RESOURCE_EXHAUSTED; CANCELLED when `go_on`, which is asked before each check, says no.
absl::Status CheckContents(const BundleInfo& info, const TensorMap& tensors, const GoOn& go_on = GoOn());

inline constexpr uint64_t kMaxIdBytes = 1024;

}  // namespace kindred
