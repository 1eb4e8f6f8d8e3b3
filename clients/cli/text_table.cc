#include "clients/cli/text_table.h"

#include <locale.h>
#include <wchar.h>

#include <algorithm>

namespace kindred {
namespace {

struct Glyph {
  std::string text;
  size_t width = 0;
};

// Splits `text` into what a terminal shows, by the character tables of the C library. Uses C.UTF-8 whatever the
// environment's locale is, so that output does not depend on it.
std::vector<Glyph> Glyphs(std::string_view text) {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const locale_t before = uselocale(utf8);
  std::vector<Glyph> glyphs;
  for (size_t at = 0; at < text.size();) {
    wchar_t character = 0;
    mbstate_t state{};
    const size_t length = mbrtowc(&character, text.data() + at, text.size() - at, &state);
    const bool valid = length != 0 && length != static_cast<size_t>(-1) && length != static_cast<size_t>(-2);
    const int width = valid ? wcwidth(character) : -1;
    if (width < 0) {
      glyphs.push_back({"?", 1});
    } else {
      glyphs.push_back({std::string(text.substr(at, length)), static_cast<size_t>(width)});
    }
    at += valid ? length : 1;
  }
  uselocale(before);
  return glyphs;
}

std::string Padding(size_t columns) { return std::string(columns, ' '); }

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (const Glyph& glyph : Glyphs(text)) width += glyph.width;
  return width;
}

std::string FitToWidth(std::string_view text, size_t columns) {
  const std::vector<Glyph> glyphs = Glyphs(text);
  size_t width = 0;
  for (const Glyph& glyph : glyphs) width += glyph.width;
  const bool cut = width > columns;
  std::string fitted;
  width = 0;
  for (const Glyph& glyph : glyphs) {
    if (cut && width + glyph.width + 1 > columns) break;
    fitted += glyph.text;
    width += glyph.width;
  }
  if (cut && columns > 0) fitted += "…";
  return fitted;
}

void TextTable::AddRow(std::vector<std::string> cells) { rows_.push_back({std::move(cells), {}}); }

void TextTable::AddNote(std::string note) { rows_.back().notes.push_back(std::move(note)); }

std::string TextTable::ToString() const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t widest = 0;
    for (const Row& row : rows_) widest = std::max(widest, DisplayWidth(row.cells[c]));
    if (widest > 0) widths[c] = std::min(std::max(widest, DisplayWidth(columns_[c].title)), columns_[c].max_width);
  }
  std::string text;
  const auto append_line = [&](const auto& cell_of) {
    std::string line;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (widths[c] == 0) continue;
      const std::string cell = FitToWidth(cell_of(c), widths[c]);
      const std::string padding = Padding(widths[c] - DisplayWidth(cell));
      const bool right = columns_[c].align == Align::kRight;
      line.append("  ").append(right ? padding : cell).append(right ? cell : padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text.append(line).append("\n");
  };
  append_line([&](size_t c) { return columns_[c].title; });
  for (const Row& row : rows_) {
    append_line([&](size_t c) { return row.cells[c]; });
    for (const std::string& note : row.notes) text.append(Padding(6)).append(FitToWidth(note, 114)).append("\n");
  }
  return text;
}

}  // namespace kindred
