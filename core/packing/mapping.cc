#include "core/packing/mapping.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/packing/csv_reader.h"
#include "core/packing/mapping_entries.h"

namespace kindred {
namespace {

using Json = nlohmann::json;
using Entry = MappingEntry;

bool NamesARow(std::string_view column) {
  std::string name(column);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::string_view word : {"index", "idx", "row", "position"}) {
    if (name == word || name.ends_with(StrCat("_", word))) return true;
  }
  return false;
}

absl::StatusOr<std::vector<std::string>> ReadCsv(const std::string& path, uint64_t rows) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path));
  if (csv->header().size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: has %d columns, expected two: ids and row numbers", path, csv->header().size()));
  }
  std::vector<Entry> pairs;
  // A file may come without a header: then its first line is an entry like the others.
  const bool headless = ParseIndex(csv->header()[0]) || ParseIndex(csv->header()[1]);
  if (headless) pairs.push_back({csv->header()[0], csv->header()[1], "line 1"});
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    pairs.push_back({std::string(csv->Field(0)), std::string(csv->Field(1)), StrCat("line ", csv->line())});
  }
  const bool first_named = !headless && NamesARow(csv->header()[0]),
             second_named = !headless && NamesARow(csv->header()[1]);
  const bool first_rows = AreRows(pairs, &Entry::first), second_rows = AreRows(pairs, &Entry::second);
  if (first_named != second_named) {
    return first_named ? PlaceEntries(path, pairs, &Entry::first, &Entry::second, rows)
                       : PlaceEntries(path, pairs, &Entry::second, &Entry::first, rows);
  }
  if (first_rows && second_rows) {
    const bool same = std::all_of(pairs.begin(), pairs.end(), [](const Entry& p) { return p.first == p.second; });
    if (!same) {
      return absl::InvalidArgumentError(
          StrCat(path,
                 ": both columns number the rows 0 to n − 1, so it cannot be told which one holds the ids; "
                 "name the column with row numbers 'index' in the header"));
    }
  }
  // Neither is complete: take the likelier one, and PlaceEntries says what is wrong with it.
  const bool first =
      first_rows != second_rows ? first_rows : AllNumbers(pairs, &Entry::first) && !AllNumbers(pairs, &Entry::second);
  return first ? PlaceEntries(path, pairs, &Entry::first, &Entry::second, rows)
               : PlaceEntries(path, pairs, &Entry::second, &Entry::first, rows);
}

absl::StatusOr<std::vector<std::string>> ReadJson(const std::string& path, uint64_t rows) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(StrCat(path, ": cannot be opened"));
  std::set<std::string> keys;
  std::string twice;
  // A repeated key would silently win over the first.
  const Json::parser_callback_t watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth == 1 && event == Json::parse_event_t::key && !keys.insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  const Json json = Json::parse(file, watch, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError(StrCat(path, ": is not valid JSON"));
  if (!twice.empty()) return absl::InvalidArgumentError(StrCat(path, ": key ", Shown(twice), " stands twice"));
  std::vector<Entry> pairs;
  const auto text = [](const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
  if (json.is_array()) {
    for (const Json& id : json) {
      if (!id.is_string() && !id.is_number_integer()) {
        return absl::InvalidArgumentError(
            absl::StrFormat("%s: entry %d is %s, expected an id", path, pairs.size(), Shown(id.dump())));
      }
      pairs.push_back({StrCat(pairs.size()), text(id), StrCat("entry ", pairs.size())});
    }
    return PlaceEntries(path, pairs, &Entry::first, &Entry::second, rows);
  }
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        StrCat(path, R"(: expected {"<id>": row, …}, {"<row>": "<id>", …} or ["<id>", …])"));
  }
  bool numbers = true;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string() && !value.is_number_integer()) {
      return absl::InvalidArgumentError(absl::StrFormat("%s, key %s: found %s, expected an id or a row number", path,
                                                        Shown(key), Shown(value.dump())));
    }
    numbers = numbers && value.is_number_integer();
    pairs.push_back({key, text(value), StrCat("key ", Shown(key))});
  }
  return PlaceByNumbers(path, pairs, numbers, /*text_keys=*/false, rows);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadMapping(const std::string& path, uint64_t rows) {
  if (path.ends_with(".pkl") || path.ends_with(".pickle")) return ReadPickledMapping(path, rows);
  return path.ends_with(".json") ? ReadJson(path, rows) : ReadCsv(path, rows);
}

}  // namespace kindred
