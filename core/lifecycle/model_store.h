// The model store on disk: models/<model>/<version>/bundle.safetensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/store_layout.h"

namespace kindred {

struct StoredVersion {
  std::string model;
  uint64_t version = 0;   // from 1
  std::string path;       // of its folder
  std::string signature;  // as SignatureOf(path)
};

// Every version under `root`, by model, then ascending version. A version directory is a decimal number from 1 without
// leading zeros; others, and directories that hold nothing to serve, are not versions. NOT_FOUND when `root` is not a
// directory; UNAVAILABLE when it or the folder of a model cannot be read: then nothing is known of what it holds.
absl::StatusOr<std::vector<StoredVersion>> ScanModelStore(const std::string& root);

// Names, sizes, times of change and inodes of a folder's files: differs once one of them was written, replaced, added
// or removed. Empty when the folder cannot be read.
std::string SignatureOf(const std::string& folder);

}  // namespace kindred
