// Which items may come back: what a request says for every subject alike (filter, availability, excluded and candidate
// ids), and what a subject already has. Pure functions over a caller's scratch, which belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/engine/item_filter.h"
#include "core/engine/model.h"
#include "core/engine/recommend_options.h"
#include "core/engine/subject.h"

namespace kindred {

// Views into the scratch, the model and the request.
struct Admission {
  std::span<const uint64_t> allowed{};     // bitmap over items, bits past n_items undefined; empty: all
  std::span<const uint32_t> excluded{};    // ascending, distinct
  std::span<const uint32_t> candidates{};  // ascending, distinct; with `restricted` only these
  bool restricted = false;
};

// Working memory; grows to what it meets and then never allocates again.
struct AdmissionScratch {
  ItemFilterScratch filter;
  std::vector<uint64_t> mask;
  std::vector<uint32_t> found, excluded, candidates, own, merged;
};

// What the options say. Long lists of ids become part of the bitmap, so that 10,000 cost their look-ups and little
// more. Ids and categories that the model does not have are appended to the two lists. INVALID_ARGUMENT for a filter on
// an attribute that the model does not have. O(ids + items / 64 + filter).
absl::Status AdmitRequest(const Model& model, const RecommendOptions& options, AdmissionScratch* scratch,
                          Admission* admission, std::vector<std::string_view>* missing_ids,
                          std::vector<std::string_view>* missing_categories);

// `request` without the items that the subject has by the model or by events of its own. The list of them is made in
// *excluded, which outlives the result, unless it is request.excluded itself.
Admission WithoutSeen(const Model& model, const SubjectView& subject, const Admission& request,
                      AdmissionScratch* scratch, std::vector<uint32_t>* excluded);

// The same as one bitmap: [words], bits past n_items clear.
void ToBitmap(const Admission& admission, uint32_t n_items, std::vector<uint64_t>* bitmap);

}  // namespace kindred
