// What every form of a mapping file comes to: entries of which one side is a row number and the other an id. Internal
// to this room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"

namespace kindred {

// One entry of the file, before it is known which side is the row.
struct MappingEntry {
  std::string first, second;
  std::string where;  // "line 12" or "key 'abc'"
};

// Whether one side of all entries is exactly 0 … n−1 in some order.
bool AreRows(const std::vector<MappingEntry>& entries, std::string MappingEntry::*side);
// Whether one side of all entries at least looks like row numbers.
bool AllNumbers(const std::vector<MappingEntry>& entries, std::string MappingEntry::*side);

// The ids in the order of their rows. Errors as ReadMapping (mapping.h).
absl::StatusOr<std::vector<std::string>> PlaceEntries(const std::string& path, const std::vector<MappingEntry>& entries,
                                                      std::string MappingEntry::*row_side,
                                                      std::string MappingEntry::*id_side, uint64_t rows);

// The same of a dictionary, where the numbers tell which side is the row. `integer_values`: all values are integers,
// none is text. `text_keys`: all keys are text where they could have been integers, so that beside integer values they
// are the ids.
absl::StatusOr<std::vector<std::string>> PlaceByNumbers(const std::string& path,
                                                        const std::vector<MappingEntry>& entries, bool integer_values,
                                                        bool text_keys, uint64_t rows);

// ReadMapping of a pickle.
absl::StatusOr<std::vector<std::string>> ReadPickledMapping(const std::string& path, uint64_t rows, const GoOn& go_on);

}  // namespace kindred
