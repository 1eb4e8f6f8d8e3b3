#include "core/packing/pickle.h"

#include <charconv>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/packing/pickle_machine.h"

namespace kindred {
namespace {

// The number of `digits` digits in base 8 or 16 at the beginning of `text`.
bool ParseDigits(std::string_view text, size_t digits, int base, uint32_t* out) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, *out, base);
  return error == std::errc() && end == text.data() + digits;
}

// The byte that a one-letter escape of a string literal means; −1 for none.
int SimpleEscape(char letter) {
  constexpr std::string_view kLetters = "\\'\"abfnrtv";
  constexpr std::string_view kBytes = "\\'\"\a\b\f\n\r\t\v";
  const size_t at = kLetters.find(letter);
  return at == kLetters.npos ? -1 : kBytes[at];
}

}  // namespace

bool AppendUtf8(uint32_t code_point, std::string* out) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) return false;
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
  return true;
}

bool UnescapeUnicode(std::string_view line, std::string* out) {
  while (!line.empty()) {
    const bool escaped = line.starts_with("\\u") || line.starts_with("\\U");
    if (!escaped) {
      AppendUtf8(static_cast<unsigned char>(line[0]), out);
      line.remove_prefix(1);
      continue;
    }
    const size_t digits = line[1] == 'u' ? 4 : 8;
    uint32_t code_point = 0;
    if (!ParseDigits(line.substr(2), digits, 16, &code_point) || !AppendUtf8(code_point, out)) return false;
    line.remove_prefix(2 + digits);
  }
  return true;
}

bool UnescapeQuoted(std::string_view line, std::string* out) {
  if (line.size() < 2 || line.front() != line.back() || (line[0] != '\'' && line[0] != '"')) return false;
  line = line.substr(1, line.size() - 2);
  while (!line.empty()) {
    if (line[0] != '\\') {
      out->push_back(line[0]);
      line.remove_prefix(1);
      continue;
    }
    if (line.size() < 2) return false;
    uint32_t byte = 0;
    if (const int simple = SimpleEscape(line[1]); simple >= 0) {
      out->push_back(static_cast<char>(simple));
      line.remove_prefix(2);
    } else if (line[1] == 'x' && ParseDigits(line.substr(2), 2, 16, &byte)) {
      out->push_back(static_cast<char>(byte));
      line.remove_prefix(4);
    } else if (ParseDigits(line.substr(1), 3, 8, &byte) && byte < 256) {
      out->push_back(static_cast<char>(byte));
      line.remove_prefix(4);
    } else {
      return false;
    }
  }
  return true;
}

absl::StatusOr<PickleData> ReadPickleBytes(const std::string& path, std::string_view bytes, const PickleLimits& limits,
                                           const GoOn& go_on) {
  PickleData data;
  if (bytes.size() > limits.max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: has %d bytes, expected at most %d", path, bytes.size(), limits.max_bytes));
  }
  RETURN_IF_ERROR(PickleMachine(path, bytes, limits, go_on, &data).Run());
  return data;
}

absl::StatusOr<PickleData> ReadPickle(const std::string& path, const PickleLimits& limits, const GoOn& go_on) {
  ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  ASSIGN_OR_RETURN(PickleData data, ReadPickleBytes(path, text, limits, go_on));
  data.file = std::move(file);
  return data;
}

}  // namespace kindred
