// Computes the derived parts of a bundle that are not there yet: `kindred pack` writes them, a server that meets a raw
// bundle computes them at load. Deterministic: the same bundle gives the same bytes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/tensor.h"

namespace kindred {

// The derived tensors missing from `tensors`: id indexes, quantized tiles with scales and bounds, norms, Gram matrices,
// average user vectors, strongest items per trait, category bitmaps, popularity (from seen items) and its order, and
// the item prior ln(1 + popularity) scaled to a maximum of 1. REQUIRES: `info` and `tensors` passed CheckStructure and
// CheckContents. INVALID_ARGUMENT for what only shows here, such as two equal ids.
absl::StatusOr<std::vector<OwnedTensor>> DeriveMissing(const BundleInfo& info, const TensorMap& tensors);

// Recomputes every derived tensor that is present and compares bytes: what `kindred verify` adds to a reader's checks.
// INVALID_ARGUMENT naming the first tensor and offset that differs.
absl::Status CheckDerived(const BundleInfo& info, const TensorMap& tensors);

}  // namespace kindred
