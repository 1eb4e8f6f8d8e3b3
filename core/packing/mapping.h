// The legacy mapping between ids and matrix rows, as CSV, JSON or pickle, in either direction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"

namespace kindred {

// The id of each of `rows` matrix rows. The file is
//   *.csv   two columns, one with ids and one with row numbers 0 … rows−1; which is which is told by the numbers, or,
//           when both would do, by a header that names one of them index, idx, row, position or *_index, *_idx, *_row;
//   *.json  {"<id>": row, …}, {"<row>": "<id>", …} or ["<id of row 0>", …];
//   *.pkl   the same of a Python pickle (pickle.h), where ids may be text or integers, or two such dicts in a dict or
//           tuple that are each other's inverse; also *.pickle.
// INVALID_ARGUMENT, naming file and line or key, when a row is missing, out of range or given twice, an id is given
// twice, empty, not valid UTF-8 or too long, there are more than `rows` entries, and when the direction cannot be told.
// `go_on` is asked now and then: CANCELLED when it says no.
absl::StatusOr<std::vector<std::string>> ReadMapping(const std::string& path, uint64_t rows,
                                                     const GoOn& go_on = GoOn());

}  // namespace kindred
