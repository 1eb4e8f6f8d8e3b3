// The spaces of a bundle: how large each is, and that what its metadata says fits its tensors. Internal to this room.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/bundle/bundle_reader.h"

namespace kindred {

// A Gram matrix is d², and an int8 inner product must fit 32 bits with room to spare.
inline constexpr uint64_t kMaxDim = 4096;
// Of sparse rows: what a reader allocates for their columns before it has read one of them.
inline constexpr uint64_t kMaxSparseDim = uint64_t{1} << 24;

struct SpaceShape {
  uint64_t dim = 0;        // d
  uint64_t embedding = 0;  // d_e, columns of `tokens`; 0 without
  bool has_items = false;  // an item matrix; else sparse rows, or a blend whose item matrix is derived
  bool has_rows = false;
};
using SpaceShapes = std::map<std::string, SpaceShape, std::less<>>;

// Reads `kindred.spaces` into info->spaces, where the file has it, and finds how large each space is: from its item
// matrix, else from the metadata. REQUIRES: info->header and its counts, names checked. INVALID_ARGUMENT naming tensor
// or metadata key, found and expected; so for the function below.
absl::StatusOr<SpaceShapes> ReadSpaceShapes(BundleInfo* info);

// Fills info->spaces and info->default_space where the metadata does not say them, and checks that each space has what
// its fold-in needs and nothing of another's. REQUIRES: dtypes and shapes of all tensors checked.
absl::Status CheckSpaces(const SpaceShapes& shapes, BundleInfo* info);

}  // namespace kindred
