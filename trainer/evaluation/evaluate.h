// Measures a ranker against what users did later. Pure apart from asking the ranker.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/data/event_log.h"
#include "trainer/evaluation/background.h"
#include "trainer/evaluation/evaluation.h"
#include "trainer/evaluation/ranker.h"
#include "trainer/evaluation/value_scale.h"

namespace kindred {

struct EvaluateOptions {
  std::vector<uint32_t> ks = {10, 20, 50};  // 1 … kMaxRankedItems
  uint32_t sample_users = 3000;             // 0: all
  uint64_t seed = 42;
  bool include_seen = false;  // true: items that a user already has may be recommended, and count
  // Rank each user's test items among this many others, drawn uniformly from the items the user does not have; 0: among
  // the whole catalogue.
  uint32_t negatives = 0;
  bool fold_in = false;       // ask with the user's events of `history`, else of `train`, instead of the user's id
  uint32_t first_events = 0;  // with fold_in: only the user's first so many events, ≤ kMaxRankEvents; 0: the last ones
  ValueScale values = ValueScale::kNone;
  std::optional<std::pair<double, double>> clip;  // of predicted values
  int threads = 1;
};

struct EvaluateInput {
  const Ranker* ranker = nullptr;
  const EventLog* test = nullptr;
  const EventLog* train = nullptr;         // or null; a user's items there are excluded as seen ones
  const EventLog* history = nullptr;       // or null: what users did before the test; excluded likewise
  const EventLog* candidates = nullptr;    // or null: rank each user's test items among the items of these rows
  const Background* background = nullptr;  // or null: no popularity baseline, no coverage
};

// Relevant to a user are the distinct items of their test rows that the ranker would recommend: in its catalogue and,
// unless include_seen, not yet seen; the ranker itself is asked which those are. Means go over users with at least one.
// The same input and options give the same figures, at any thread count and through any ranker that answers alike.
// INVALID_ARGUMENT for options out of range; FAILED_PRECONDITION for an empty test, and when no user has anything to
// find; errors of the ranker, naming the user. Requests: about two a user, and one for each 50 values.
absl::StatusOr<Evaluation> Evaluate(const EvaluateInput& input, const EvaluateOptions& options, Progress* progress);

}  // namespace kindred
