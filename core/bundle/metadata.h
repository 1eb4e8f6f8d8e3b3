// The metadata of a bundle: which keys there may be, what they say, whether the file is sealed. Internal to this room.
#pragma once

#include "absl/status/status.h"
#include "core/bundle/bundle_reader.h"

namespace kindred {

// Fills `info` from info->header.metadata: sealed or raw, and the texts of our keys. INVALID_ARGUMENT naming the key,
// found and expected. Spaces and counts wait for CheckStructure, which knows the shapes.
absl::Status ReadMetadata(BundleInfo* info);

}  // namespace kindred
