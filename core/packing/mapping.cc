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

constexpr uint64_t kRowsBetweenQuestions = 1024;

absl::Status GivenUp(const std::string& path) {
  return absl::CancelledError(StrCat(path, ": reading it was given up"));
}

bool NamesARow(std::string_view column) {
  std::string name(column);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::string_view word : {"index", "idx", "row", "position"}) {
    if (name == word || name.ends_with(StrCat("_", word))) return true;
  }
  return false;
}

absl::Status TooMany(const std::string& path, std::string_view where, uint64_t rows) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s, %s: is an entry more than the %d rows of the matrix", path, where, rows));
}

absl::StatusOr<std::vector<std::string>> ReadCsv(const std::string& path, uint64_t rows, const GoOn& go_on) {
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
    // Before it is kept: a small compressed file can hold very many.
    if (pairs.size() >= rows) return TooMany(path, StrCat("line ", csv->line()), rows);
    if (pairs.size() % kRowsBetweenQuestions == 0 && !go_on()) return GivenUp(path);
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

// Watches a mapping while it is parsed, so that no more of it is kept than it may have.
class JsonWatch {
 public:
  JsonWatch(uint64_t rows, const GoOn& go_on) : rows_(rows), go_on_(go_on) {}

  // Whether to keep what was parsed.
  bool Keep(int depth, Json::parse_event_t event, const Json& value) {
    if (depth == 0 && event == Json::parse_event_t::array_start) in_array_ = true;
    if (depth != 1) return true;
    const bool starts = event == Json::parse_event_t::array_start || event == Json::parse_event_t::object_start;
    const bool is_entry = in_array_ ? event == Json::parse_event_t::value || starts : event == Json::parse_event_t::key;
    if (is_entry && ++entries_ % kRowsBetweenQuestions == 1) stopped_ = stopped_ || !go_on_();
    if (stopped_ || entries_ > rows_) return false;
    // A repeated key would silently win over the first.
    if (event == Json::parse_event_t::key && !keys_.insert(value.get<std::string>()).second) {
      twice_ = value.get<std::string>();
    }
    return true;
  }

  absl::Status Problem(const std::string& path) const {
    if (stopped_) return GivenUp(path);
    if (!twice_.empty()) return absl::InvalidArgumentError(StrCat(path, ": key ", Shown(twice_), " stands twice"));
    if (entries_ > rows_) return TooMany(path, StrCat("entry ", rows_), rows_);
    return absl::OkStatus();
  }

 private:
  const uint64_t rows_;
  const GoOn& go_on_;
  bool in_array_ = false, stopped_ = false;
  uint64_t entries_ = 0;
  std::set<std::string> keys_;
  std::string twice_;
};

// For a message. Not the whole of what is nested: that may be very deep.
std::string Described(const Json& value) {
  return value.is_string() || value.is_number() ? Shown(value.dump(-1, ' ', false, Json::error_handler_t::replace))
                                                : StrCat("a JSON ", value.type_name());
}

absl::StatusOr<std::vector<std::string>> ReadJson(const std::string& path, uint64_t rows, const GoOn& go_on) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(StrCat(path, ": cannot be opened"));
  JsonWatch watch(rows, go_on);
  const Json json = Json::parse(
      file,
      [&watch](int depth, Json::parse_event_t event, const Json& value) { return watch.Keep(depth, event, value); },
      /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError(StrCat(path, ": is not valid JSON"));
  RETURN_IF_ERROR(watch.Problem(path));
  std::vector<Entry> pairs;
  const auto text = [](const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
  if (json.is_array()) {
    for (const Json& id : json) {
      if (!id.is_string() && !id.is_number_integer()) {
        return absl::InvalidArgumentError(
            absl::StrFormat("%s: entry %d is %s, expected an id", path, pairs.size(), Described(id)));
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
      return absl::InvalidArgumentError(
          absl::StrFormat("%s, key %s: found %s, expected an id or a row number", path, Shown(key), Described(value)));
    }
    numbers = numbers && value.is_number_integer();
    pairs.push_back({key, text(value), StrCat("key ", Shown(key))});
  }
  return PlaceByNumbers(path, pairs, numbers, /*text_keys=*/false, rows);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadMapping(const std::string& path, uint64_t rows, const GoOn& go_on) {
  if (path.ends_with(".pkl") || path.ends_with(".pickle")) return ReadPickledMapping(path, rows, go_on);
  return path.ends_with(".json") ? ReadJson(path, rows, go_on) : ReadCsv(path, rows, go_on);
}

}  // namespace kindred
