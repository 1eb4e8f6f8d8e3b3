// Events of one user and item into one value. Pure functions, thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "trainer/data/event_log.h"
#include "trainer/data/interactions.h"

namespace kindred {

struct AggregateOptions {
  Aggregation aggregation = Aggregation::kSum;
  // A row's value is multiplied by its action's weight; actions that are not listed count 1, 0 leaves the row out.
  std::map<std::string, double, std::less<>> action_weights{};
  // A row's value × 2^(−age/half_life), age in days to the user's newest row that counts. 0: none; needs times.
  double half_life_days = 0;
};

// [n_users × n_items] of the log's own ids, rows ascending by item; pairs of which no row counts are left out. kLast is
// by time, equal times and logs without times by position; kCount is kSum with 1 for each row's value. O(n log n) for n
// rows, 4 bytes a row beside the result.
// REQUIRES: weights and half life are finite and ≥ 0; times are there when half_life_days > 0.
Interactions AggregateEvents(const EventLog& log, const AggregateOptions& options);

// The rows of users with at least `min_user_items` distinct items and of items with at least `min_item_users` distinct
// users, counted among the rows that stay (the k-core, to a fixed point); ids that no row has are dropped. O(n log n).
EventLog KeepCore(const EventLog& log, uint32_t min_user_items, uint32_t min_item_users);

}  // namespace kindred
