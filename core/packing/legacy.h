// Imports a folder of the files that services used before bundles (requirement C6): .npy matrices, mappings as CSV or
// JSON, a CSV of precomputed recommendations.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/packing/bundle_parts.h"

namespace kindred {

struct LegacyImport {
  BundleParts parts;
  uint64_t users = 0, items = 0;  // of the matrices
  uint32_t dim = 0;
  std::vector<std::string> notes;  // a line for each file that is there: what was done with it
};

struct LegacyOptions {
  std::string model = "default";
  std::string version = "1";
  std::string source;  // empty: the folder's name
};

// Reads `folder`: user_latent_factors.npy, item_latent_factors.npy, customer_mapping.csv|json and item_mapping.csv|json
// are needed; recommendations.csv becomes lists of the bundle, its users without factors too (legacy_lists.h);
// item_similarity.npy is recognised.
// INVALID_ARGUMENT naming the file; for a mapping that is there only as a pickle the message says how to convert it.
absl::StatusOr<LegacyImport> ReadLegacyFolder(const std::string& folder, const LegacyOptions& options);

}  // namespace kindred
