// From a subject to the ranking of a catalogue, by what a request's plan says. Pure; the scratch belongs to one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/engine/engine_scratch.h"
#include "core/engine/model.h"
#include "core/engine/ranking.h"
#include "core/engine/request_plan.h"
#include "core/engine/subject_resolver.h"

namespace kindred {

// The ranking for `subject`, with views into `plan` and `scratch` that hold until the scratch's next use, and where it
// came from (of a blend: the first rung, in the order of AnswerSource, that one of its parts was answered from). In a
// blend scratch->blend has what each part was resolved to. O(fold-in); O(n_items · d) for a blend without a carrier,
// O(postings + n_items) in a space of sparse rows.
struct SubjectRanking {
  Ranking ranking{};
  AnswerSource source = AnswerSource::kPopularity;
};
SubjectRanking RankFor(const Model& model, const RequestPlan& plan, const SubjectView& subject, EngineScratch* scratch);

// What brings an item's vector to the scale that all parts of a blend have: 1/‖x‖ where the space ranks by cosine, else
// 1/root mean square of the norms.
inline double PartScale(const Space& space, uint32_t item) {
  return space.recommend.multipliers.empty() ? space.item_scale : space.recommend.multipliers[item];
}

// What part `p` of a blend adds to an item's score: weight · (u/‖u‖) · x. Scratch as RankFor left it.
float BlendTerm(const RequestPlan& plan, size_t p, uint32_t item, const EngineScratch& scratch);

}  // namespace kindred
