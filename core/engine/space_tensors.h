// The derived tensors of a space with an item matrix (derive.h). Pure functions; deterministic.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/bundle/bundle_reader.h"
#include "core/bundle/space_spec.h"
#include "core/bundle/tensor.h"

namespace kindred {

// XᵀX of items: [n × dim], in double. O(n · dim²).
OwnedTensor MakeGram(const std::string& name, std::span<const float> items, uint64_t dim);

// The mean of users: [n × dim]; zeros where there are none.
OwnedTensor MakeAverageUser(const std::string& name, std::span<const float> users, uint64_t dim);

// [dim × kTraitItemCount]: the items that say most about a dimension, large there and there more than elsewhere.
// x·(x / Σ|x|) ranks an item that is everything to one trait above a staple that is something to all of them. A
// catalogue smaller than the list repeats its last item.
OwnedTensor MakeTraitItems(const std::string& name, std::span<const float> items, uint64_t n_items, uint64_t dim);

// The item matrix of a blend: the parts' one after another, each brought to one scale and weighted.
OwnedTensor MakeBlendItems(const std::string& name, const BundleInfo& info, const SpaceSpec& blend,
                           const TensorMap& tensors);

// The average user of a blend: u_s/‖u_s‖ of each part's.
OwnedTensor MakeBlendAverage(const std::string& name, const SpaceSpecs& specs, const SpaceSpec& blend,
                             const TensorMap& tensors);

// Codes, scales, bounds and norms of the item matrix (core/topk/quantizer.h), under the space's names.
void AppendQuantized(const std::string& space, std::span<const float> items, uint64_t n_items, uint64_t dim,
                     std::vector<OwnedTensor>* out);

}  // namespace kindred
