#include "core/packing/mapping_entries.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/id_table.h"

namespace kindred {

// Whether one side of all entries is exactly 0 … n−1 in some order.
bool AreRows(const std::vector<MappingEntry>& entries, std::string MappingEntry::*side) {
  std::vector<bool> met(entries.size(), false);
  for (const MappingEntry& entry : entries) {
    const std::optional<uint64_t> row = ParseIndex(entry.*side);
    if (!row || *row >= met.size() || met[*row]) return false;
    met[*row] = true;
  }
  return true;
}

// Whether one side of all entries at least looks like row numbers.
bool AllNumbers(const std::vector<MappingEntry>& entries, std::string MappingEntry::*side) {
  return std::all_of(entries.begin(), entries.end(),
                     [&](const MappingEntry& entry) { return ParseIndex(entry.*side).has_value(); });
}

absl::StatusOr<std::vector<std::string>> PlaceEntries(const std::string& path, const std::vector<MappingEntry>& entries,
                                                      std::string MappingEntry::*row_side,
                                                      std::string MappingEntry::*id_side, uint64_t rows) {
  std::vector<std::string> ids(rows);
  std::vector<bool> met(rows, false);
  std::unordered_set<std::string_view> seen;
  const auto bad = [&](const MappingEntry& entry, std::string_view what) {
    return absl::InvalidArgumentError(absl::StrFormat("%s, %s: %s", path, entry.where, what));
  };
  for (const MappingEntry& entry : entries) {
    const std::optional<uint64_t> row = ParseIndex(entry.*row_side);
    if (!row || *row >= rows) {
      return bad(entry, absl::StrFormat("found row %s, expected a number below %d, the rows of the matrix",
                                        Shown(entry.*row_side), rows));
    }
    if (met[*row]) return bad(entry, absl::StrFormat("row %d is given a second time", *row));
    const std::string& id = entry.*id_side;
    if (id.empty()) return bad(entry, absl::StrFormat("row %d has an empty id", *row));
    if (const std::string problem = IdProblem(id); !problem.empty()) {
      return bad(entry, StrCat("the id ", Shown(id), " ", problem));
    }
    if (!seen.insert(id).second) return bad(entry, StrCat("the id ", Shown(id), " is given a second time"));
    met[*row] = true;
    ids[*row] = id;
  }
  if (entries.size() != rows) {
    const auto gap = std::find(met.begin(), met.end(), false);
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: has %d entries, expected %d, the rows of the matrix; row %d has no id", path,
                        entries.size(), rows, gap - met.begin()));
  }
  return ids;
}

absl::StatusOr<std::vector<std::string>> PlaceByNumbers(const std::string& path,
                                                        const std::vector<MappingEntry>& entries, bool integer_values,
                                                        bool text_keys, uint64_t rows) {
  using Entry = MappingEntry;
  const bool same = std::all_of(entries.begin(), entries.end(), [](const Entry& e) { return e.first == e.second; });
  const bool value_rows = AreRows(entries, &Entry::second);
  bool key_rows = AreRows(entries, &Entry::first);
  if (key_rows && value_rows && integer_values && !same) {
    if (!text_keys) {
      return absl::InvalidArgumentError(
          StrCat(path,
                 ": keys and values both number the rows 0 to n − 1, so it cannot be told which are the ids; write the "
                 "ids as a list in the order of the rows instead"));
    }
    key_rows = false;
  }
  // Ids that come as text cannot be row numbers; integers can be either.
  const bool rows_are_keys =
      !integer_values && (key_rows || AllNumbers(entries, &Entry::first)) ? true : key_rows && !value_rows;
  return rows_are_keys ? PlaceEntries(path, entries, &Entry::first, &Entry::second, rows)
                       : PlaceEntries(path, entries, &Entry::second, &Entry::first, rows);
}

}  // namespace kindred
