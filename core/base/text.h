// Small readers and writers of text that comes from files. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kindred {

// Hash of strings that lets a map keyed by std::string be searched with a view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// Without the ASCII blanks at both ends.
std::string_view Trimmed(std::string_view text);

// The number in `text`, blanks around it allowed; nullopt when it is none, not finite, or out of a double's range.
std::optional<double> ParseNumber(std::string_view text);

// The decimal digits in `text`, blanks around them allowed; nullopt for anything else.
std::optional<uint64_t> ParseIndex(std::string_view text);

// For a message: the text in quotes, control characters escaped, cut after 60 bytes.
std::string Shown(std::string_view text);

// "1,234,567".
std::string WithThousands(uint64_t value);

}  // namespace kindred
