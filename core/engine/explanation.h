// Why the items of an answer rank: the terms that add up to each score, of dimensions, of items of the history, of the
// spaces of a blend and within them, of the prior and of boosts. Pure.
#pragma once

#include "core/engine/engine_scratch.h"
#include "core/engine/recommend_result.h"
#include "core/engine/request_plan.h"
#include "core/engine/subject.h"

namespace kindred {

// Fills the terms of result->items (RecommendResult says which), which were ranked as RankFor left `scratch` and said
// `source`. O(items · dimensions), of sparse rows O(items · history) merges of two rows. Allocates nothing once
// `result` has its size. REQUIRES: the terms are empty.
void ExplainItems(const RequestPlan& plan, AnswerSource source, const EngineScratch& scratch, RecommendResult* result);

}  // namespace kindred
