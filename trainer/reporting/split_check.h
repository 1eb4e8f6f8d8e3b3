// What a file of events holds, for a model check. Pure functions and plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trainer/data/event_log.h"

namespace kindred {

struct SplitFigures {
  std::string name;
  uint64_t rows = 0, pairs = 0;                         // rows; distinct (user, item)
  uint64_t users = 0, items = 0;                        // that have a row
  double sparsity = 0;                                  // 1 − pairs / (users · items); 0 for no rows
  bool has_values = false;                              // else every row counts 1
  double mean = 0, deviation = 0, least = 0, most = 0;  // of the rows' values
  bool has_times = false;
  int64_t first_ms = 0, last_ms = 0;
  // Shares of its users and items that `train` has too; NaN without one.
  double known_users = 0, known_items = 0;
};

// `train` may be null. O(rows log rows).
SplitFigures CheckSplit(std::string_view name, const EventLog& log, const EventLog* train);

}  // namespace kindred
