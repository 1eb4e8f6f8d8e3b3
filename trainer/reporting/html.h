// The small parts of an HTML page: text that is safe to put there, tables, notes. Pure functions, thread-safe. Whatever
// comes from a file passes through Escaped before it meets a tag.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kindred {

// For an element's text or a quoted attribute: & < > " ' as references, bytes that are no UTF-8 and control characters
// (tab and newline excepted) as U+FFFD. O(n).
std::string Escaped(std::string_view text);

// At most `most` characters (code points), the last an ellipsis when there were more. REQUIRES: most > 0.
std::string Shortened(std::string_view text, size_t most);

// Escaped, shortened, apart in its writing direction, with the whole as a tooltip when it was shortened.
std::string NameHtml(std::string_view name, size_t most = 48);

// Figures for people; "–" where there is none (NaN).
std::string Number(double value, int digits = 4);   // "0.1234"; "1.2e-05" where that would lose everything
std::string Percent(double share, int digits = 1);  // of 1: "12.3 %"
std::string HumanBytes(uint64_t bytes);             // "12.3 MB"

// A table whose first column names its rows. Cells are HTML; columns after `text_columns` hold numbers.
struct HtmlTable {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  size_t text_columns = 1;
};
std::string TableHtml(const HtmlTable& table);

// A cell with a bar of this share (0 … 1) of its width behind the text.
std::string BarCell(std::string_view text, double share);

// A paragraph that says what is not there and how to get it; `how` is a command line or empty.
std::string MissingHtml(std::string_view what, std::string_view how);

// A headline tile.
std::string TileHtml(std::string_view label, std::string_view value, std::string_view remark);

}  // namespace kindred
