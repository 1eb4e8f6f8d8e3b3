// The model store on disk: models/<model>/<version>/bundle.safetensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/lifecycle/model_registry.h"

namespace kindred {

inline constexpr std::string_view kBundleFileName = "bundle.safetensors";

struct StoredVersion {
  std::string model;
  uint64_t version = 0;   // from 1
  std::string path;       // of its folder
  std::string signature;  // as SignatureOf(path)
};

// Every version under `root`, by model, then ascending version. A version directory is a decimal number from 1 without
// leading zeros; others, and directories that hold nothing to serve, are not versions. NOT_FOUND when `root` is not a
// directory.
absl::StatusOr<std::vector<StoredVersion>> ScanModelStore(const std::string& root);

// Names, sizes, times of change and inodes of a folder's files: differs once one of them was written, replaced, added
// or removed. Empty when the folder cannot be read.
std::string SignatureOf(const std::string& folder);

// What happened to one version that LoadLatest tried.
struct LoadReport {
  StoredVersion version;
  absl::Status status;     // OK: published
  ModelHandle model;       // when published
  int golden_queries = 0;  // compared
};

// Loads the newest version of every model under `root` that passes every check, golden queries included, and publishes
// it; a version that fails is passed over for the next older one. A model's name and version are those of its folders;
// a bundle that says it is another model is refused. `reports` gets one entry a version tried. NOT_FOUND, saying what
// was looked for, when no model could be loaded.
absl::Status LoadLatest(const std::string& root, ModelRegistry* registry, std::vector<LoadReport>* reports);

}  // namespace kindred
