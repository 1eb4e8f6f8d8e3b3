#include "trainer/data/item_table.h"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/bundle/id_table.h"
#include "core/packing/csv_reader.h"

namespace kindred {
namespace {

// Each distinct category with its items; ordered, so that the numbering does not depend on the rows' order.
using CategoryItems = std::map<std::string, std::vector<uint32_t>>;

absl::StatusOr<std::vector<size_t>> Columns(const CsvReader& csv, const std::vector<std::string>& names) {
  std::vector<size_t> columns;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(columns.emplace_back(), csv.Column(name));
  }
  return columns;
}

absl::Status ReadName(const CsvReader& csv, size_t column, std::string* name) {
  const std::string_view text = Trimmed(csv.Field(column));
  if (text.empty()) return absl::OkStatus();
  if (const std::string problem = IdProblem(text); !problem.empty()) {
    return csv.ErrorAt(column, StrCat("the name ", Shown(text), " ", problem));
  }
  *name = std::string(text);
  return absl::OkStatus();
}

absl::Status AddCategory(const CsvReader& csv, size_t column, std::string_view text, uint32_t item,
                         CategoryItems* categories) {
  if (text.empty()) return absl::OkStatus();
  const std::string id = StrCat(csv.header()[column], ":", text);
  if (const std::string problem = IdProblem(id); !problem.empty()) {
    return csv.ErrorAt(column, StrCat("the category ", Shown(id), " ", problem));
  }
  std::vector<uint32_t>& items = (*categories)[id];
  // A cell may say the same twice.
  if (items.empty() || items.back() != item) items.push_back(item);
  return absl::OkStatus();
}

absl::Status ReadCategories(const CsvReader& csv, size_t column, std::string_view separator, uint32_t item,
                            CategoryItems* categories) {
  std::string_view rest = csv.Field(column);
  while (!separator.empty()) {
    const size_t end = rest.find(separator);
    if (end == rest.npos) break;
    RETURN_IF_ERROR(AddCategory(csv, column, Trimmed(rest.substr(0, end)), item, categories));
    rest.remove_prefix(end + separator.size());
  }
  return AddCategory(csv, column, Trimmed(rest), item, categories);
}

void ReadText(const CsvReader& csv, size_t column, std::string* text) {
  const std::string_view cell = Trimmed(csv.Field(column));
  if (cell.empty()) return;
  StrAppend(text, text->empty() ? "" : " ", cell);
}

absl::StatusOr<std::vector<std::string>> AttributeNames(const std::string& path,
                                                        const std::vector<std::string>& columns) {
  constexpr size_t kMaxBytes = 64;
  std::vector<std::string> names;
  for (const std::string& column : columns) {
    std::string name = AttributeName(column);
    if (name.empty() || name.size() > kMaxBytes) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s: the attribute column %s cannot name an attribute of a bundle: %s; rename the column, with letters, "
          "digits, '_', '.' and '-'",
          path, Shown(column),
          name.empty() ? "it has no letter or digit of ASCII"
                       : absl::StrFormat("it is longer than %d bytes", kMaxBytes)));
    }
    const auto same = std::find(names.begin(), names.end(), name);
    if (same != names.end()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: the attribute columns %s and %s would both be called '%s' in the bundle; give one of "
                          "them, or rename one",
                          path, Shown(columns[same - names.begin()]), Shown(column), name));
    }
    names.push_back(std::move(name));
  }
  return names;
}

absl::Status ReadAttribute(const CsvReader& csv, size_t column, float* value) {
  const std::string_view text = Trimmed(csv.Field(column));
  if (text.empty()) return absl::OkStatus();
  const std::optional<double> number = ParseNumber(text);
  if (!number || std::abs(*number) > std::numeric_limits<float>::max()) {
    return csv.ErrorAt(column, StrCat("found ", Shown(text), ", expected a number, or nothing where it is unknown"));
  }
  *value = static_cast<float>(*number);
  return absl::OkStatus();
}

bool KeepsItsPlace(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

}  // namespace

std::string AttributeName(std::string_view column) {
  std::string name;
  bool gap = false;
  for (char c : column) {
    if (!KeepsItsPlace(c)) {
      gap = true;
      continue;
    }
    if (gap && !name.empty()) name.push_back('_');
    gap = false;
    name.push_back(c);
  }
  return name;
}

absl::StatusOr<std::vector<std::string>> ReadItemIds(const std::string& path, const ItemTableOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path, options.delimiter));
  ASSIGN_OR_RETURN(const size_t id_column, csv->Column(options.id_column));
  std::vector<std::string> ids;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) return ids;
    const std::string_view id = csv->Field(id_column);
    if (id.empty()) return csv->ErrorAt(id_column, "the item id is empty; every row of the item table needs one");
    if (const std::string problem = IdProblem(id); !problem.empty()) {
      return csv->ErrorAt(id_column, StrCat("the item id ", Shown(id), " ", problem));
    }
    ids.emplace_back(id);
  }
}

uint64_t AddItems(const std::vector<std::string>& item_ids, EventLog* log) {
  std::unordered_set<std::string> known(log->item_ids.begin(), log->item_ids.end());
  uint64_t added = 0;
  for (const std::string& id : item_ids) {
    if (!known.insert(id).second) continue;
    log->item_ids.push_back(id);
    ++added;
  }
  return added;
}

absl::StatusOr<ItemTable> ReadItemTable(const std::string& path, const ItemTableOptions& options,
                                        const std::vector<std::string>& item_ids) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path, options.delimiter));
  ASSIGN_OR_RETURN(const size_t id_column, csv->Column(options.id_column));
  ASSIGN_OR_RETURN(const std::vector<size_t> category_columns, Columns(*csv, options.category_columns));
  ASSIGN_OR_RETURN(const std::vector<size_t> attribute_columns, Columns(*csv, options.attribute_columns));
  ASSIGN_OR_RETURN(const std::vector<size_t> text_columns, Columns(*csv, options.text_columns));
  ASSIGN_OR_RETURN(const std::vector<std::string> attribute_names, AttributeNames(path, options.attribute_columns));
  size_t name_column = 0;
  if (!options.name_column.empty()) {
    ASSIGN_OR_RETURN(name_column, csv->Column(options.name_column));
  }

  std::unordered_map<std::string_view, uint32_t> index;
  for (uint32_t i = 0; i < item_ids.size(); ++i) index.emplace(item_ids[i], i);
  ItemTable table;
  if (!options.name_column.empty()) table.names = item_ids;
  if (!options.text_columns.empty()) table.texts.resize(item_ids.size());
  for (const std::string& name : attribute_names) {
    table.attributes.emplace_back(name, std::vector<float>(item_ids.size(), std::numeric_limits<float>::quiet_NaN()));
  }
  std::vector<uint64_t> line_of(item_ids.size(), 0);
  CategoryItems categories;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    ++table.rows_read;
    const auto found = index.find(csv->Field(id_column));
    if (found == index.end()) {
      ++table.rows_of_other_items;
      continue;
    }
    const uint32_t item = found->second;
    if (line_of[item] != 0) {
      return csv->ErrorAt(id_column, absl::StrFormat("item %s stands on line %d already; one row an item is expected",
                                                     Shown(item_ids[item]), line_of[item]));
    }
    line_of[item] = csv->line();
    if (!options.name_column.empty()) RETURN_IF_ERROR(ReadName(*csv, name_column, &table.names[item]));
    for (size_t column : category_columns) {
      RETURN_IF_ERROR(ReadCategories(*csv, column, options.category_separator, item, &categories));
    }
    for (size_t column : text_columns) ReadText(*csv, column, &table.texts[item]);
    for (size_t a = 0; a < attribute_columns.size(); ++a) {
      RETURN_IF_ERROR(ReadAttribute(*csv, attribute_columns[a], &table.attributes[a].second[item]));
    }
  }
  table.items_without_row = static_cast<uint64_t>(std::count(line_of.begin(), line_of.end(), 0));
  if (table.items_without_row == item_ids.size()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: none of its %d rows belongs to an item of the interactions; column '%s' holds other ids, "
                        "such as %s is one "
                        "of the interactions",
                        path, table.rows_read, options.id_column, Shown(item_ids.empty() ? "" : item_ids.front())));
  }
  table.categories.resize(item_ids.size());
  for (const auto& [id, items] : categories) {
    const auto category = static_cast<uint32_t>(table.category_ids.size());
    table.category_ids.push_back(id);
    for (uint32_t item : items) table.categories[item].push_back(category);
  }
  return table;
}

}  // namespace kindred
