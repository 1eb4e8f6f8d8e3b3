// Divides the rows of a log into training, validation and test sets. Pure functions, thread-safe, the same rows for the
// same log, options and seed on every machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/data/event_log.h"

namespace kindred {

enum class SplitKind : uint8_t {
  kRandom,        // rows by chance
  kUserLast,      // the last rows of each user
  kLeaveOneOut,   // the last item of each user, with all rows of that user and item
  kTime,          // rows after a moment
  kUserQuantile,  // rows after a quantile of the user's own times
  kUsers,         // whole users by chance
};

std::string_view SplitKindName(SplitKind kind);  // "random", "user_last", "leave_one_out", "time", …
absl::StatusOr<SplitKind> SplitKindFromName(std::string_view name);  // also with '-' for '_'

struct SplitOptions {
  SplitKind kind = SplitKind::kUserQuantile;
  uint64_t seed = 42;  // random, users
  // random: shares of the rows; users: of the users; time: of the rows, by their times, when no moment is given.
  double test_fraction = 0.2;
  double valid_fraction = 0;
  // user_last: rows of each user. A user with too few rows to leave one for training has none taken.
  uint32_t test_rows = 1;
  uint32_t valid_rows = 0;
  // leave_one_out: whether the item before the last becomes the user's validation item.
  bool valid_item = false;
  // time: test from test_from_ms on, validation from valid_from_ms on.
  std::optional<int64_t> test_from_ms{}, valid_from_ms{};
  // user_quantile: a row is test when its time is strictly after the quantile (interpolated linearly) of its user's row
  // times, else validation when strictly after valid_quantile of the user's times up to the cut (0: no validation).
  double quantile = 0.8;
  double valid_quantile = 0;
  // user_last, leave_one_out, user_quantile, users: users with fewer distinct items are all train.
  uint32_t min_user_items = 5;
};

// Row numbers, ascending; every row of the log is in exactly one.
struct Split {
  std::vector<uint32_t> train;
  std::vector<uint32_t> valid;
  std::vector<uint32_t> test;
};

// INVALID_ARGUMENT for options out of range and for kinds by time on a log without times (user_last and leave_one_out
// go by position there); FAILED_PRECONDITION when no row is left for training or for test. O(n log n).
absl::StatusOr<Split> SplitRows(const EventLog& log, const SplitOptions& options);

// Of `rows`, the first `count` of each user (by time; without times in the log's order): taken out of `rows` and
// returned, both ascending. O(n log n).
std::vector<uint32_t> TakeFirstRows(const EventLog& log, uint32_t count, std::vector<uint32_t>* rows);

}  // namespace kindred
