// What is known of items beside who wanted them: display names, categories, numeric attributes, texts, from a second
// CSV. Plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/data/event_log.h"

namespace kindred {

struct ItemTableOptions {
  std::string id_column = "item_id";
  std::string name_column{};                     // empty: no names
  std::vector<std::string> category_columns{};   // each cell becomes the category "<column>:<cell>"
  std::string category_separator{};              // "|": a cell may hold several; empty: one
  std::vector<std::string> attribute_columns{};  // numbers
  std::vector<std::string> text_columns{};       // free text, for content features
  char delimiter = ',';
};

struct ItemTable {
  std::vector<std::string> names;                 // [n_items], the id where the file says nothing; or empty
  std::vector<std::string> category_ids;          // ascending
  std::vector<std::vector<uint32_t>> categories;  // [n_items], ascending indices into category_ids
  // AttributeName(column) → [n_items], NaN = unknown.
  std::vector<std::pair<std::string, std::vector<float>>> attributes;
  std::vector<std::string> texts;  // [n_items], the text columns joined by a space, empty where unknown; or empty
  uint64_t rows_read = 0;
  uint64_t rows_of_other_items = 0;  // rows whose item has no interaction
  uint64_t items_without_row = 0;
};

// What an attribute of column `column` is called in a bundle: every run of characters other than letters, digits, '_',
// '.' and '-' becomes one '_', none at the ends ("Price (USD)" → "Price_USD"). Empty when nothing is left.
std::string AttributeName(std::string_view column);

// The item ids of the table in the order of its rows. Errors as ReadItemTable.
absl::StatusOr<std::vector<std::string>> ReadItemIds(const std::string& path, const ItemTableOptions& options);

// Appends the ids of `item_ids` that `log` does not have to its items: items that nobody touched yet, which content can
// recommend. Returns how many were added.
uint64_t AddItems(const std::vector<std::string>& item_ids, EventLog* log);

// Reads the rows of `item_ids` (the catalogue, in its order) from `path`. INVALID_ARGUMENT naming file, line and column
// for an item that stands twice, a name or category that is not valid UTF-8 or too long, and an attribute that is no
// number (empty cells are unknown); for attribute columns whose AttributeName is empty, longer than 64 bytes, or that
// of another column; and when no row belongs to any item, which is a wrong column or file.
absl::StatusOr<ItemTable> ReadItemTable(const std::string& path, const ItemTableOptions& options,
                                        const std::vector<std::string>& item_ids);

}  // namespace kindred
