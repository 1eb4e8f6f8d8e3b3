#include "trainer/reporting/html.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/utf8.h"

namespace kindred {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// Bytes of the character that begins `text`; 0 when none does.
size_t CharacterLength(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(4, text.size()); ++length) {
    if (IsValidUtf8(text.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (size_t i = 0; i < text.size();) {
    const size_t length = CharacterLength(text.substr(i));
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0 || (byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f) {
      out += kReplacement;
    } else if (byte == '&') {
      out += "&amp;";
    } else if (byte == '<') {
      out += "&lt;";
    } else if (byte == '>') {
      out += "&gt;";
    } else if (byte == '"') {
      out += "&quot;";
    } else if (byte == '\'') {
      out += "&#39;";
    } else {
      out += text.substr(i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  return out;
}

std::string Shortened(std::string_view text, size_t most) {
  size_t characters = 0, cut = 0;
  for (size_t i = 0; i < text.size(); ++characters) {
    if (characters + 1 == most) cut = i;
    i += std::max<size_t>(CharacterLength(text.substr(i)), 1);
  }
  if (characters <= most) return std::string(text);
  return StrCat(text.substr(0, cut), "…");
}

std::string NameHtml(std::string_view name, size_t most) {
  const std::string text = Shortened(name, most);
  if (text == name) return StrCat("<bdi>", Escaped(name), "</bdi>");
  return StrCat("<bdi title=\"", Escaped(Shortened(name, 1'100)), "\">", Escaped(text), "</bdi>");
}

std::string Number(double value, int digits) {
  if (std::isnan(value)) return "–";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  const double magnitude = std::abs(value);
  std::string out = magnitude != 0 && (magnitude < 0.5 * std::pow(10, -digits) || magnitude >= 1e9)
                        ? absl::StrFormat("%.2g", magnitude)
                        : absl::StrFormat("%.*f", digits, magnitude);
  return value < 0 ? "−" + out : out;
}

std::string Percent(double share, int digits) {
  return std::isnan(share) ? "–" : StrCat(Number(100 * share, digits), " %");
}

std::string HumanBytes(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return absl::StrFormat("%.*f %s", unit == 0 ? 0 : 1, value, kUnits[unit]);
}

std::string TableHtml(const HtmlTable& table) {
  std::string out = "<div class=\"scroll\"><table>";
  if (!table.caption.empty()) StrAppend(&out, "<caption>", table.caption, "</caption>");
  const auto kind = [&](size_t column) { return column < table.text_columns ? "" : " class=\"n\""; };
  StrAppend(&out, "<thead><tr>");
  for (size_t i = 0; i < table.header.size(); ++i) {
    StrAppend(&out, "<th scope=\"col\"", kind(i), ">", table.header[i], "</th>");
  }
  StrAppend(&out, "</tr></thead><tbody>\n");
  for (const std::vector<std::string>& row : table.rows) {
    StrAppend(&out, "<tr>");
    for (size_t i = 0; i < row.size(); ++i) {
      StrAppend(&out, i == 0 ? "<th scope=\"row\"" : "<td", kind(i), ">", row[i], i == 0 ? "</th>" : "</td>");
    }
    StrAppend(&out, "</tr>\n");
  }
  StrAppend(&out, "</tbody></table></div>\n");
  return out;
}

std::string BarCell(std::string_view text, double share) {
  const double width = std::isfinite(share) ? 100 * std::clamp(share, 0.0, 1.0) : 0;
  return absl::StrFormat("<span class=\"bar\"><i style=\"width:%.1f%%\"></i><b>%s</b></span>", width,
                         std::string(text));
}

std::string MissingHtml(std::string_view what, std::string_view how) {
  std::string out = StrCat("<p class=\"missing\">", Escaped(what));
  if (!how.empty()) StrAppend(&out, "<br><code>", Escaped(how), "</code>");
  return out + "</p>\n";
}

std::string TileHtml(std::string_view label, std::string_view value, std::string_view remark) {
  return StrCat("<div class=\"tile\"><dt>", Escaped(label), "</dt><dd>", Escaped(value), "<small>", Escaped(remark),
                "</small></dd></div>\n");
}

}  // namespace kindred
