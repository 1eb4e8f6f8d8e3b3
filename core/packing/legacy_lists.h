// The precomputed recommendations of a legacy folder (requirement C1): a CSV of users, items and scores or ranks →
// lists by rank, as a bundle holds them (users.recommendations, docs/bundle_format.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"

namespace kindred {

struct LegacyLists {
  std::vector<std::string> new_users;  // with a list, but not of `user_ids`; in the order of the file
  std::vector<int64_t> offsets;        // [user_ids + new_users + 1]
  std::vector<uint32_t> items;         // by rank, distinct within a list
  std::vector<float> scores;           // never rising within a list
  std::string note;                    // what was read and what left out
};

// Reads the file: a column customer_id, user_id, user or customer, a column article_id, item_id, product_id, item or
// article, and, if it has them, `score` and `rank`. A list goes by score, highest first, then by rank, lowest first,
// then by the order of the file; without scores an item's is 1/its place. Rows of unknown items and of items that the
// user's list has already are left out. INVALID_ARGUMENT naming file, line and column; also for more than
// `max_new_users`, and for more rows than 1,000, or each item, for each user. `go_on` is asked now and then: CANCELLED
// when it says no.
absl::StatusOr<LegacyLists> ReadLegacyLists(const std::string& path, const std::vector<std::string>& user_ids,
                                            const std::vector<std::string>& item_ids,
                                            uint64_t max_new_users = UINT32_MAX, const GoOn& go_on = GoOn());

}  // namespace kindred
