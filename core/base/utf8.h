// UTF-8 validation (RFC 3629). Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace kindred {

// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. O(n).
bool IsValidUtf8(std::string_view text);

// Whether every byte of `text` is below 128. O(n), vectorized by the compiler.
bool IsAscii(std::string_view text);

}  // namespace kindred
