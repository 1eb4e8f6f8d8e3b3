// Imports a folder of the files that services used before bundles (requirement C6): .npy matrices, mappings as
// pickle, CSV or JSON, a CSV of precomputed recommendations, vectors of articles.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/packing/bundle_parts.h"

namespace kindred {

// The files without which a folder is no legacy folder, beside the mappings.
inline constexpr std::string_view kUserFactorsFile = "user_latent_factors.npy";
inline constexpr std::string_view kItemFactorsFile = "item_latent_factors.npy";

struct LegacyImport {
  BundleParts parts;
  uint64_t users = 0, items = 0;  // of the matrices
  uint32_t dim = 0;
  std::vector<std::string> notes;  // a line for each file that is there: what was done with it
};

struct LegacyOptions {
  std::string model = "default";
  std::string version = "1";
  std::string source = {};  // empty: the folder's name
  // Asked now and then while files are read: false gives up, with CANCELLED. Empty: never.
  std::function<bool()> go_on = {};
};

// Reads `folder`: user_latent_factors.npy, item_latent_factors.npy, customer_mapping and item_mapping as .csv, .json or
// .pkl are needed; recommendations.csv becomes lists of the bundle, its users without factors too (legacy_lists.h);
// article_text_embeddings.npy with article_id_to_idx becomes the space `content`, a mean of the articles had, ranked by
// cosine. item_similarity.npy, article_similarity_matrix.npy, tfidf_vectorizer.pkl and price_scaler.pkl are recognised.
// INVALID_ARGUMENT naming the file, and what to do. Nothing of a file is executed.
absl::StatusOr<LegacyImport> ReadLegacyFolder(const std::string& folder, const LegacyOptions& options);

}  // namespace kindred
