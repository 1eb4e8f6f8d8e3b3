// What of someone else's text may be shown in a message.
#pragma once

#include <string>
#include <string_view>

namespace kindred {

// The first `max_bytes` of `text` at most, not ending inside a character, with "…" where it was cut. Quotes and control
// characters are escaped; so is every byte above 127 of what is not UTF-8. Valid UTF-8 always.
std::string Excerpt(std::string_view text, size_t max_bytes = 64);

// `text` cut to at most `max_bytes`, not inside a character.
std::string_view CutUtf8(std::string_view text, size_t max_bytes);

}  // namespace kindred
