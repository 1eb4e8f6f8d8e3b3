// What reading the input came to: how many rows, which were left out and why. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace kindred {

struct IngestReport {
  uint64_t rows_read = 0;
  uint64_t rows_used = 0;
  std::map<std::string, uint64_t> skipped;        // reason → rows: "empty user id", "value of 0", …
  std::string first_bad_row;                      // the message of the first row that skip_bad_rows let pass
  uint64_t clipped = 0;                           // used, with a value moved into the clip range
  uint64_t users_dropped = 0, items_dropped = 0;  // by the minimum interactions and the caps
  uint64_t users_below_five = 0;                  // kept, with fewer than 5 items
  std::string value_column;                       // the column taken, "" = 1 for each row
  std::string time_column;                        // the column taken, "" = none
};

}  // namespace kindred
