// How much each item of a subject's history counts for the score of each item of an answer. Pure; the scratch belongs
// to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/engine_scratch.h"
#include "core/engine/history_losses.h"
#include "core/engine/item_similarity.h"
#include "core/engine/model.h"
#include "core/engine/recommend_result.h"
#include "core/engine/subject_resolver.h"
#include "core/topk/topk_scan.h"

namespace kindred {

inline constexpr size_t kMaxContributions = 10;  // listed for one item of the answer

// For each of `items` the at most kMaxContributions items of the history that `source` speaks of with the largest
// contributions: the score less the score without the events of that item, all of them left out together and what the
// others are worth unchanged. Those of 0 are left out; there are none on the rungs that know no history.
//
// The score without is that of the fold-in of what is left; of trained events where a stored history is silent without
// the item; and the prior alone where nothing is left. A trained user's history is what they have seen, folded in even
// where the user has a row (SubjectResolver::ResolveWithout). In a space of sparse rows, whose scores are sums over the
// history, a contribution is the item's term of the sum.
//
// `subject` and `source` as Resolve had and gave them; `items` of the catalogue, in any order, at most 1,000.
// Overwrites what Resolve left in `scratch`. O(history items · (fold-in + |items| · d)), of `implicit` and `observed`
// mostly O(fold-in + history items · (d² + |items| · d)); of sparse rows O(history items · |items|) merges of two rows.
// Allocates nothing once `scratch` and `result` have their sizes, NNLS's rare fallback excepted.
void Contributions(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                   std::span<const ScoredItem> items, EngineScratch* scratch, ContributionResult* result);

// The same of a blend that the request asked for: what an item counts is the sum, over the parts that speak, of
// weight · what it counts there, with the vectors with and without it each of length one and the parts' items of one
// scale, as RankFor ranks by them. `parts` of the plan and scratch->blend as RankFor left it, which stays as it is.
// Costs what Contributions does in each part, over the items that any of them considers.
void BlendContributions(const Model& model, std::span<const ItemSimilarity::Part> parts, const SubjectView& subject,
                        std::span<const ScoredItem> items, EngineScratch* scratch, ContributionResult* result);

}  // namespace kindred
