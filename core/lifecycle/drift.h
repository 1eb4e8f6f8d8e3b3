// How a candidate answers next to the generation that serves: on the same users and the same items, by id.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "core/engine/model.h"
#include "core/lifecycle/version_status.h"

namespace kindred {

// Compares the answers of `candidate` with those of `live` for up to 200 users that both know, or histories where they
// have no users in common: users' seen items of one of the two, or single items where neither has any. Fewer in a
// catalogue so large that their lists would take long. In the default space of each.
//
// overlap: of the ten best items, without those seen, the share that both give. own_rank, live_own_rank: the percentile
// rank of a user's own items among up to 512 others, by the personal part of the score alone (no item prior, no
// offset), of items that both have. It is taken twice, by the vectors of trained users, and by a history folded in of
// every other own item for the rest of them; the one of the two under which the candidate falls more is given.
// catalogue: the share of live's items that the candidate has.
//
// Deterministic; O(items of both) look-ups of ids, then about 0.2 s at the most. `go_on` is asked now and then:
// CANCELLED when it says no (empty: it always says yes).
absl::StatusOr<Drift> MeasureDrift(const Model& candidate, const Model& live,
                                   const std::function<bool()>& go_on = nullptr);

}  // namespace kindred
