// Writes a bundle: temporary name, fsync, rename, fsync of the directory, so a reader sees a whole file or none.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "core/bundle/tensor.h"

namespace kindred {

using Metadata = std::map<std::string, std::string, std::less<>>;

// Writes `tensors` and `metadata` to `path` as safetensors and seals it: adds `kindred.format`, `kindred.checksums` and
// `kindred.digest` (any in `metadata` are replaced). Tensors whose size is a multiple of 64 bytes come first, then by
// element size, so each is aligned for its type and quantized tiles for a cache line. The same input gives the same
// bytes. Errors name the path and the system's reason; on error nothing is left at `path` that was not there before.
absl::Status WriteBundle(const std::string& path, const TensorMap& tensors, const Metadata& metadata);

}  // namespace kindred
