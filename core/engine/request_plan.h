// What of a request is the same for every subject: which items may come back, which spaces rank and how, and what
// boosts add. Made once for a batch. Views into the model, the request and itself; used by one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/engine/admission.h"
#include "core/engine/item_similarity.h"
#include "core/engine/model.h"
#include "core/engine/recommend_options.h"

namespace kindred {

struct RequestPlan {
  Admission admission{};
  // The space that ranks; of a blend its parts with their weights. Distinct.
  std::vector<ItemSimilarity::Part> parts{};
  bool blended = false;         // the request named a blend
  bool spaces_missing = false;  // and the model lacks one of its spaces
  // Of a blend: a blend of the bundle whose item matrix has all parts, so that one scan ranks by them; or nullptr.
  const Space* carrier = nullptr;
  // What is scanned where an item matrix ranks: that of the space or of the carrier, with boosts in the prior.
  ScanSpace scan{};
  float prior_weight = 0;
  std::vector<float> boost{};  // [n_items padded to 64], or empty: none
  std::vector<float> prior{};  // of `scan` where there are boosts: β·prior + boost, rounded after each operation

  const Space& space() const { return *parts.front().space; }
};

// Makes *plan, whose capacity is reused, valid until the next call with either object. Ids and categories that the
// model does not have are appended to the lists. NOT_FOUND, naming those there are, for a space that the model does not
// have, and for a blend without any that it has; INVALID_ARGUMENT as EvaluateItemFilter. O(ids + n_items / 64 +
// filter), with boosts O(n_items).
absl::Status PlanRequest(const Model& model, const RecommendOptions& options, AdmissionScratch* scratch,
                         RequestPlan* plan, std::vector<std::string_view>* missing_ids,
                         std::vector<std::string_view>* missing_categories);

// NOT_FOUND naming the spaces there are.
absl::Status SpaceNotFound(const Model& model, std::string_view name);

}  // namespace kindred
