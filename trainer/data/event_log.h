// Raw events in columns: what users did, one row an event, before anything is aggregated. Plain values; 25 bytes a row
// with times and actions, plus the ids.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kindred {

// Row r: user[r] did action[r] with item[r] at time_ms[r], worth value[r]. Columns that the input does not have are
// empty; the others have the same length. Ids are numbered in the order in which they first appear and may include some
// that no row has (the catalogue of a split is that of the whole).
struct EventLog {
  std::vector<std::string> user_ids;     // distinct
  std::vector<std::string> item_ids;     // distinct
  std::vector<std::string> action_ids;   // distinct; at most 65,535
  std::vector<std::string> session_ids;  // distinct, given by the input (a basket, an invoice); empty: split by gaps

  std::vector<uint32_t> user;
  std::vector<uint32_t> item;
  std::vector<uint16_t> action;   // or empty
  std::vector<uint32_t> session;  // or empty
  std::vector<int64_t> time_ms;   // since 1970, UTC; or empty
  std::vector<float> value;       // or empty: 1 for each row

  size_t size() const { return user.size(); }
  float ValueOf(size_t row) const { return value.empty() ? 1.0f : value[row]; }
};

// The rows whose index is in `rows`, in that order; ids and their numbers stay as they are.
EventLog SelectRows(const EventLog& log, const std::vector<uint32_t>& rows);

// The log with only the user and item ids that some row has, renumbered in the order in which they first appear.
EventLog DropUnusedIds(EventLog log);

}  // namespace kindred
