// New events into a bundle that stands: the arithmetic of `kindred update` (requirement E4), without files. Pure
// function, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/engine/model.h"
#include "core/packing/bundle_parts.h"
#include "trainer/data/event_log.h"
#include "trainer/data/interactions.h"

namespace kindred {

struct UpdateCounts {
  uint64_t events = 0;               // given
  uint64_t unknown_item_events = 0;  // of them, of items that the bundle does not have: skipped
  uint64_t unknown_items = 0;        // distinct such items
  uint64_t users_updated = 0;        // users of the bundle with an event that counts
  uint64_t users_added = 0;          // users that the bundle did not have, with an event that counts
};

struct UpdatedParts {
  BundleParts parts;  // its tensors; metadata is that of the old bundle, its counts left out
  UpdateCounts counts;
  std::vector<std::string> notes;  // what stays as it was until the next training
};

struct UpdatePartsOptions {
  Aggregation aggregation = Aggregation::kSum;
  std::string seen_weights_space{};  // the space whose action weights and half-life users.seen.weights has; or empty
  int64_t last_event_ms = 0;         // of what the bundle was made of
  int threads = 1;
};

// `newer`: the new events only, with times. In each space with a user matrix a user's row becomes 0.7·old + 0.3·fold-in
// of the new events, the fold-in alone for a user who had none; new users come after the old. Events of items that the
// bundle does not have are skipped. The items of new events join users.seen, their values users.seen.weights, combined
// as `aggregation` says (kMean: 0.7·old + 0.3·new, since the bundle does not know how many values made the old one);
// where the weights decay, old ones by the time from last_event_ms to the user's newest event. Popularity and prior
// follow when they are counts of users.seen, else they stay. FAILED_PRECONDITION for a bundle without users.
// O(size of the bundle + events · their fold-in).
absl::StatusOr<UpdatedParts> UpdateParts(const Model& model, const EventLog& newer, const UpdatePartsOptions& options);

}  // namespace kindred
