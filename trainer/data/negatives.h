// What a ranker is asked to order when it is not asked to order the whole catalogue: each test user's held-out items
// among items that the user never touched. Pure functions, thread-safe, reproducible by seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainer/data/event_log.h"
#include "trainer/data/split.h"

namespace kindred {

struct Candidates {
  std::vector<uint32_t> users;                   // distinct, ascending: those with a row in the test set
  std::vector<std::vector<uint32_t>> relevant;   // [users] their distinct held-out items, ascending
  std::vector<std::vector<uint32_t>> negatives;  // [users] distinct, ascending; fewer where the catalogue has no more
};

struct NegativeOptions {
  uint32_t per_user = 99;
  bool by_popularity = false;  // in proportion to an item's rows in the training set; else all items alike
  uint64_t seed = 42;
};

// Draws for every user of split.test items that no row of the user in the whole log has. Expected O(users · per_user);
// a user who leaves few items to draw costs O(items).
Candidates SampleNegatives(const EventLog& log, const Split& split, const NegativeOptions& options);

// Writes user_id,item_id,relevant (1 or 0) as CSV, gzip when the name ends with .gz; and reads such a file back against
// the ids of `log`: INVALID_ARGUMENT naming file, line and column for an id that the log does not have.
absl::Status WriteCandidates(const EventLog& log, const Candidates& candidates, const std::string& path);
absl::StatusOr<Candidates> ReadCandidates(const EventLog& log, const std::string& path);

}  // namespace kindred
