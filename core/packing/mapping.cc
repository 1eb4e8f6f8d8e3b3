#include "core/packing/mapping.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <unordered_set>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/id_table.h"
#include "core/packing/csv_reader.h"

namespace kindred {
namespace {

using Json = nlohmann::json;

// One entry of the file, before it is known which side is the row.
struct Pair {
  std::string first, second;
  std::string where;  // "line 12" or "key 'abc'"
};

bool NamesARow(std::string_view column) {
  std::string name(column);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::string_view word : {"index", "idx", "row", "position"}) {
    if (name == word || name.ends_with(StrCat("_", word))) return true;
  }
  return false;
}

// Whether one side of all pairs is exactly 0 … n−1 in some order.
bool IsRows(const std::vector<Pair>& pairs, std::string Pair::*side) {
  std::vector<bool> met(pairs.size(), false);
  for (const Pair& pair : pairs) {
    const std::optional<uint64_t> row = ParseIndex(pair.*side);
    if (!row || *row >= met.size() || met[*row]) return false;
    met[*row] = true;
  }
  return true;
}

// Whether one side of all pairs at least looks like row numbers.
bool AllNumbers(const std::vector<Pair>& pairs, std::string Pair::*side) {
  return std::all_of(pairs.begin(), pairs.end(), [&](const Pair& pair) { return ParseIndex(pair.*side).has_value(); });
}

absl::StatusOr<std::vector<std::string>> Place(const std::string& path, const std::vector<Pair>& pairs,
                                               std::string Pair::*row_side, std::string Pair::*id_side, uint64_t rows) {
  std::vector<std::string> ids(rows);
  std::vector<bool> met(rows, false);
  std::unordered_set<std::string_view> seen;
  const auto bad = [&](const Pair& pair, std::string_view what) {
    return absl::InvalidArgumentError(absl::StrFormat("%s, %s: %s", path, pair.where, what));
  };
  for (const Pair& pair : pairs) {
    const std::optional<uint64_t> row = ParseIndex(pair.*row_side);
    if (!row || *row >= rows) {
      return bad(pair, absl::StrFormat("found row %s, expected a number below %d, the rows of the matrix",
                                       Shown(pair.*row_side), rows));
    }
    if (met[*row]) return bad(pair, absl::StrFormat("row %d is given a second time", *row));
    const std::string& id = pair.*id_side;
    if (id.empty()) return bad(pair, absl::StrFormat("row %d has an empty id", *row));
    if (const std::string problem = IdProblem(id); !problem.empty()) {
      return bad(pair, StrCat("the id ", Shown(id), " ", problem));
    }
    if (!seen.insert(id).second) return bad(pair, StrCat("the id ", Shown(id), " is given a second time"));
    met[*row] = true;
    ids[*row] = id;
  }
  if (pairs.size() != rows) {
    const auto gap = std::find(met.begin(), met.end(), false);
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: has %d entries, expected %d, the rows of the matrix; row %d has no id", path, pairs.size(),
                        rows, gap - met.begin()));
  }
  return ids;
}

absl::StatusOr<std::vector<std::string>> ReadCsv(const std::string& path, uint64_t rows) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path));
  if (csv->header().size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: has %d columns, expected two: ids and row numbers", path, csv->header().size()));
  }
  std::vector<Pair> pairs;
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
  const bool first_rows = IsRows(pairs, &Pair::first), second_rows = IsRows(pairs, &Pair::second);
  if (first_named != second_named) {
    return first_named ? Place(path, pairs, &Pair::first, &Pair::second, rows)
                       : Place(path, pairs, &Pair::second, &Pair::first, rows);
  }
  if (first_rows && second_rows) {
    const bool same = std::all_of(pairs.begin(), pairs.end(), [](const Pair& p) { return p.first == p.second; });
    if (!same) {
      return absl::InvalidArgumentError(
          StrCat(path,
                 ": both columns number the rows 0 to n − 1, so it cannot be told which one holds the ids; "
                 "name the column with row numbers 'index' in the header"));
    }
  }
  // Neither is complete: take the likelier one, and Place says what is wrong with it.
  const bool first =
      first_rows != second_rows ? first_rows : AllNumbers(pairs, &Pair::first) && !AllNumbers(pairs, &Pair::second);
  return first ? Place(path, pairs, &Pair::first, &Pair::second, rows)
               : Place(path, pairs, &Pair::second, &Pair::first, rows);
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
  std::vector<Pair> pairs;
  const auto text = [](const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
  if (json.is_array()) {
    for (const Json& id : json) {
      if (!id.is_string() && !id.is_number_integer()) {
        return absl::InvalidArgumentError(
            absl::StrFormat("%s: entry %d is %s, expected an id", path, pairs.size(), Shown(id.dump())));
      }
      pairs.push_back({StrCat(pairs.size()), text(id), StrCat("entry ", pairs.size())});
    }
    return Place(path, pairs, &Pair::first, &Pair::second, rows);
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
  const bool key_rows = IsRows(pairs, &Pair::first), value_rows = IsRows(pairs, &Pair::second);
  if (key_rows && value_rows && numbers) {
    const bool same = std::all_of(pairs.begin(), pairs.end(), [](const Pair& p) { return p.first == p.second; });
    if (!same) {
      return absl::InvalidArgumentError(
          StrCat(path,
                 ": keys and values both number the rows 0 to n − 1, so it cannot be told which are the ids; write the "
                 "ids as a list in the order of the rows instead"));
    }
  }
  // Ids that come as JSON strings cannot be row numbers; numbers can be either.
  const bool rows_are_keys = !numbers && (key_rows || AllNumbers(pairs, &Pair::first)) ? true : key_rows && !value_rows;
  return rows_are_keys ? Place(path, pairs, &Pair::first, &Pair::second, rows)
                       : Place(path, pairs, &Pair::second, &Pair::first, rows);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadMapping(const std::string& path, uint64_t rows) {
  return path.ends_with(".json") ? ReadJson(path, rows) : ReadCsv(path, rows);
}

}  // namespace kindred
