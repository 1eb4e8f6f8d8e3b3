// How well users are served whom training never saw: folded in from their first events, beside popularity and beside a
// model that was trained on those events. Pure apart from asking the rankers.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/data/event_log.h"
#include "trainer/evaluation/evaluate.h"

namespace kindred {

// The rows of users who have more than `events` rows of a positive value, in time order: those up to the events-th of
// them, and the later ones. Other users have no row in either. O(rows log rows).
struct FirstAndLater {
  EventLog first, later;
};
FirstAndLater DivideByEvents(const EventLog& log, uint32_t events);

// Evaluates `input` at each of `events`, every user asked for with their first so many rows of input.history (of
// input.test when there is none: then what they are to be found in is what follows the largest of `events`). Users with
// fewer positive rows than the largest of `events` are left out, and what a user has in the history is never to be
// found, so that all points compare the same users and items. `reference`, or null: a model that was trained on the
// history, asked by user id; items that it does not know are then left out for all.
//
// The result is the evaluation at the largest of `events` with cold_start set. Errors of Evaluate; INVALID_ARGUMENT for
// no event count or one outside 1 … kMaxRankEvents; FAILED_PRECONDITION when no user is left, or when `reference` does
// not know the users or has what is to be found.
absl::StatusOr<Evaluation> EvaluateColdStart(EvaluateInput input, const Ranker* reference, std::vector<uint32_t> events,
                                             EvaluateOptions options, Progress* progress);

}  // namespace kindred
