// What a space is, in words: the part of a bundle's metadata that says how a user becomes a vector and how that vector
// is scored against the space's item matrix. Stored as JSON under `kindred.spaces`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

// How a user's events become a vector u of the space (X: items [n_items × d], w: summed event weight of an item,
// r = t(w): what the transform makes of it).
enum class FoldIn : uint8_t {
  kRidge,     // argmin_u ‖r − X u‖² + λ‖u‖², over all items: (XᵀX + λI)⁻¹ Xᵀ r   (SVD)
  kNnls,      // argmin_{u ≥ 0} ‖r − X u‖² + λ‖u‖²                                 (NMF)
  kMean,      // Σ r_i x_i / Σ r_i; over `tokens` or `sources` where the space has them (embeddings)
  kImplicit,  // (XᵀX + Σ_i α r_i x_i x_iᵀ + λI)⁻¹ Σ_i (1 + α r_i) x_i over the history (implicit ALS)
  kObserved,  // explicit ratings: the last column of X is the item's offset o_i and the last entry of u is 1; the
              // others are argmin Σ_{i in history} (r_i − o_i − x_i·u)² + λ‖u‖²
  kTraits,  // mean token vector → non-negative → NNLS on `basis` → profile p; u = (p − p̄) / ‖(p − p̄)H‖.
            // `users` of such a space are profiles p
  kSparse,     // Σ r_i row_i over sparse rows, divided by its norm (content)
  kNeighbors,  // score_j = Σ_i r_i S_ij, S the sparse rows (item-item cosine)
  kBlend,      // parts one after another, u_s / ‖u_s‖ of each
};

// What an item's summed event weight w becomes before the fold-in.
enum class ValueTransform : uint8_t { kIdentity, kLog1p, kBinary };  // w, ln(1 + w), 1

// What Recommend ranks by.
enum class Metric : uint8_t {
  kDot,     // u·x + β·b
  kCosine,  // u·x / (‖u‖‖x‖) + β·b
};

// A space that a blend is made of.
struct BlendPart {
  std::string space;
  double weight = 1.0;  // ≥ 0; multiplies the part's item matrix

  friend bool operator==(const BlendPart&, const BlendPart&) = default;
};

struct SpaceSpec {
  std::string family;  // "svd", "nmf", "external", …
  uint32_t dim = 0;    // d
  FoldIn fold_in = FoldIn::kRidge;
  double fold_in_lambda = 0.0;  // λ ≥ 0
  ValueTransform transform = ValueTransform::kIdentity;
  Metric metric = Metric::kDot;
  double prior_weight = 0.0;   // β
  double fold_in_alpha = 1.0;  // α ≥ 0, FoldIn::kImplicit only
  // An event's weight is multiplied by its action's; actions not listed count 1, 0 = ignored.
  std::map<std::string, double, std::less<>> actions = {};
  // An event's weight is multiplied by 2^(−age / half-life), age counted from the newest event of its history; 0 =
  // none.
  double half_life_days = 0.0;
  std::vector<BlendPart> parts = {};  // FoldIn::kBlend only

  friend bool operator==(const SpaceSpec&, const SpaceSpec&) = default;
};

std::string_view FoldInName(FoldIn value);                  // "ridge", "nnls", "mean", "implicit", …
std::string_view ValueTransformName(ValueTransform value);  // "identity", "log1p", "binary"
std::string_view MetricName(Metric value);                  // "dot", "cosine"
absl::StatusOr<FoldIn> FoldInFromName(std::string_view name);
absl::StatusOr<ValueTransform> ValueTransformFromName(std::string_view name);
absl::StatusOr<Metric> MetricFromName(std::string_view name);

using SpaceSpecs = std::map<std::string, SpaceSpec, std::less<>>;

// Whether a space of this fold-in has sparse rows instead of an item matrix.
inline bool IsSparse(FoldIn value) { return value == FoldIn::kSparse || value == FoldIn::kNeighbors; }

// JSON object {"<space>": {"family":…,"dim":…,"fold_in":…,"fold_in_lambda":…,"transform":…,"metric":…,
// "prior_weight":…}}, and "fold_in_alpha", "actions", "half_life_days", "parts" where they are not the defaults.
// Parsing rejects unknown keys, wrong types, numbers that are not finite or out of range and space names that are not
// [a-z0-9_]{1,64}; absent keys take the defaults above, `dim` excepted.
std::string SpaceSpecsToJson(const SpaceSpecs& specs);
absl::StatusOr<SpaceSpecs> SpaceSpecsFromJson(std::string_view json);

}  // namespace kindred
