// What is known of items beside who wanted them: display names, categories, numeric attributes, from a second CSV.
// Plain values.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

struct ItemTableOptions {
  std::string id_column = "item_id";
  std::string name_column{};                     // empty: no names
  std::vector<std::string> category_columns{};   // each cell becomes the category "<column>:<cell>"
  std::vector<std::string> attribute_columns{};  // numbers
  char delimiter = ',';
};

struct ItemTable {
  std::vector<std::string> names;                 // [n_items], the id where the file says nothing; or empty
  std::vector<std::string> category_ids;          // ascending
  std::vector<std::vector<uint32_t>> categories;  // [n_items], ascending indices into category_ids
  std::vector<std::pair<std::string, std::vector<float>>> attributes;  // column → [n_items], NaN = unknown
  uint64_t rows_read = 0;
  uint64_t rows_of_other_items = 0;  // rows whose item has no interaction
  uint64_t items_without_row = 0;
};

// Reads the rows of `item_ids` (the catalogue, in its order) from `path`. INVALID_ARGUMENT naming file, line and column
// for an item that stands twice, text that is not valid UTF-8 or too long, and an attribute that is no number (empty
// cells are unknown); and when no row belongs to any item, which is a wrong column or file.
absl::StatusOr<ItemTable> ReadItemTable(const std::string& path, const ItemTableOptions& options,
                                        const std::vector<std::string>& item_ids);

}  // namespace kindred
