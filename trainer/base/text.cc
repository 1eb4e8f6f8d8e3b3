#include "trainer/base/text.h"

#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/utf8.h"
#include "core/bundle/schema.h"

namespace kindred {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::optional<double> ParseNumber(std::string_view text) {
  text = Trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<uint64_t> ParseIndex(std::string_view text) {
  text = Trimmed(text);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string IdProblem(std::string_view text) {
  if (text.size() > kMaxIdBytes) {
    return absl::StrFormat("is %d bytes long, at most %d are allowed", text.size(), kMaxIdBytes);
  }
  return IsValidUtf8(text) ? "" : "is not valid UTF-8";
}

std::string Shown(std::string_view text) {
  constexpr size_t kLength = 60;
  const std::string escaped = absl::Utf8SafeCHexEscape(std::string(text.substr(0, kLength)));
  return StrCat("'", escaped, text.size() > kLength ? "…'" : "'");
}

}  // namespace kindred
