// Aligned text for a terminal. Counts columns as a terminal does (wide and combining characters), and prints nothing
// that a terminal would obey: control characters from names become "?".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kindred {

// Columns that `text` (UTF-8) takes on a terminal, and `text` made printable and cut to `columns` with "…" at the end
// when it is longer. Bytes that are not UTF-8 count and print as "?".
size_t DisplayWidth(std::string_view text);
std::string FitToWidth(std::string_view text, size_t columns);

class TextTable {
 public:
  enum class Align : unsigned char { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
    size_t max_width = 40;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: one cell a column.
  void AddRow(std::vector<std::string> cells);
  // A line under the row added last, indented, not aligned.
  void AddNote(std::string note);

  // Title row and rows, two spaces apart, no trailing spaces. A column that is empty in every row is left out.
  std::string ToString() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::vector<std::string> notes;
  };
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace kindred
