// What a space is, in words: the part of a bundle's metadata that says how a user becomes a vector and how that vector
// is scored against the space's item matrix. Stored as JSON under `kindred.spaces`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kindred {

// How a user's events become a vector u of the space (X: items [n_items × d], r: values of the events per item).
enum class FoldIn : uint8_t {
  kRidge,  // argmin_u ‖r − X u‖² + λ‖u‖², over all items: (XᵀX + λI)⁻¹ Xᵀ r   (SVD, ALS)
  kNnls,   // argmin_{u ≥ 0} ‖r − X u‖² + λ‖u‖²                                 (NMF)
  kMean,   // Σ r_i x_i / Σ r_i                                                 (embeddings)
};

// What an item's summed event weight w becomes before the fold-in.
enum class ValueTransform : uint8_t { kIdentity, kLog1p, kBinary };  // w, ln(1 + w), 1

// What Recommend ranks by.
enum class Metric : uint8_t {
  kDot,     // u·x + β·b
  kCosine,  // u·x / (‖u‖‖x‖) + β·b
};

struct SpaceSpec {
  std::string family;  // "svd", "nmf", "external", …
  uint32_t dim = 0;    // d
  FoldIn fold_in = FoldIn::kRidge;
  double fold_in_lambda = 0.0;  // λ ≥ 0
  ValueTransform transform = ValueTransform::kIdentity;
  Metric metric = Metric::kDot;
  double prior_weight = 0.0;  // β

  friend bool operator==(const SpaceSpec&, const SpaceSpec&) = default;
};

std::string_view FoldInName(FoldIn value);                  // "ridge", "nnls", "mean"
std::string_view ValueTransformName(ValueTransform value);  // "identity", "log1p", "binary"
std::string_view MetricName(Metric value);                  // "dot", "cosine"
absl::StatusOr<FoldIn> FoldInFromName(std::string_view name);
absl::StatusOr<ValueTransform> ValueTransformFromName(std::string_view name);
absl::StatusOr<Metric> MetricFromName(std::string_view name);

using SpaceSpecs = std::map<std::string, SpaceSpec, std::less<>>;

// JSON object {"<space>": {"family":…,"dim":…,"fold_in":…,"fold_in_lambda":…,"transform":…,"metric":…,
// "prior_weight":…}}. Parsing rejects unknown keys, wrong types, non-finite numbers and space names that are not
// [a-z0-9_]{1,64}; absent keys take the defaults above, `dim` excepted.
std::string SpaceSpecsToJson(const SpaceSpecs& specs);
absl::StatusOr<SpaceSpecs> SpaceSpecsFromJson(std::string_view json);

}  // namespace kindred
