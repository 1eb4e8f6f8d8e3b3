// The rows of a log, user by user. Plain values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/data/event_log.h"

namespace kindred {

class UserRows {
 public:
  // Row numbers of each user in the log's order. O(n).
  explicit UserRows(const EventLog& log);
  // Orders each user's rows by time; equal times, and logs without times, keep the log's order. O(n log n).
  void SortByTime(const EventLog& log);

  std::span<const uint32_t> Of(uint32_t user) const {
    return std::span(rows_).subspan(offsets_[user], offsets_[user + 1] - offsets_[user]);
  }
  std::span<uint32_t> Of(uint32_t user) {
    return std::span(rows_).subspan(offsets_[user], offsets_[user + 1] - offsets_[user]);
  }

 private:
  std::vector<uint32_t> offsets_;  // [n_users + 1]
  std::vector<uint32_t> rows_;     // [n_rows]
};

// Distinct items of some rows. O(n log n) for n rows.
size_t DistinctItems(const EventLog& log, std::span<const uint32_t> rows);

}  // namespace kindred
