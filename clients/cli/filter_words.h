// The words of a filter as it is written on a command line. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kindred {

struct FilterWord {
  enum class Kind : unsigned char { kWord, kQuoted, kSign, kEnd };
  Kind kind = Kind::kEnd;
  // kWord and kQuoted: what it says, without quotes and backslashes; kSign: one of ( ) , = < > <= >=
  std::string text;
  size_t begin = 0, end = 0;  // bytes of the filter that it takes
};

// Words end at spaces, signs and quotes. "…" holds any character; \" and \\ stand for " and \. The last word is kEnd.
// INVALID_ARGUMENT for a quote without an end. O(bytes).
absl::StatusOr<std::vector<FilterWord>> SplitFilter(std::string_view text);

// INVALID_ARGUMENT whose message shows `text` with a mark under byte `place` and then says what is `wrong`.
absl::Status FilterError(std::string_view text, size_t place, const std::string& wrong);

}  // namespace kindred
