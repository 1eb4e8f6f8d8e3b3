#include "server/excerpt.h"

#include "absl/strings/escaping.h"
#include "core/base/utf8.h"

namespace kindred {

std::string_view CutUtf8(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string Excerpt(std::string_view text, size_t max_bytes) {
  const std::string_view cut = CutUtf8(text, max_bytes);
  const absl::string_view piece(cut.data(), cut.size());
  std::string shown = IsValidUtf8(cut) ? absl::Utf8SafeCEscape(piece) : absl::CEscape(piece);
  if (cut.size() < text.size()) shown += "…";
  return shown;
}

}  // namespace kindred
