// What scores lose without the events of each item of a history, in one space: what contributions.h ranks. Pure; the
// scratch belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <span>

#include "core/engine/engine_scratch.h"
#include "core/engine/model.h"
#include "core/engine/subject.h"
#include "core/topk/topk_scan.h"

namespace kindred {

inline constexpr size_t kMaxContributingItems = 256;   // of events: those worth most
inline constexpr size_t kMaxContributingTrained = 64;  // of what a trained user has seen: those worth most

// How a space takes part in a score: alone, or as a part of a blend that the request asked for, whose vectors are of
// length one and whose items of one scale (subject_ranking.h).
struct SpaceRole {
  const Space* space = nullptr;
  bool in_blend = false;
  double weight = 1;  // in the blend
};

// The history that `source` speaks of, by ascending item, into scratch->contributions.history: what its events are
// worth or, in a space of sparse rows, its coefficients; those that are not finite left out. Returns how many of them
// are to be considered.
size_t GatherHistory(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                     EngineScratch* scratch);

// scratch->contributions.history, of GatherHistory with what was to be left out removed →
// scratch->contributions.values: [history × items]. Overwrites what Resolve left in `scratch`. Costs as contributions.h
// says.
void ScoreWithoutEach(const Model& model, const SpaceRole& role, const SubjectView& subject, AnswerSource source,
                      std::span<const ScoredItem> items, EngineScratch* scratch);

}  // namespace kindred
