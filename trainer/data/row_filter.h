// A condition on one column that a row must meet to be used: "Quantity>0", "eventType=VIEW|LIKE". Plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

struct RowFilter {
  enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
  std::string text;  // as given, for messages
  std::string column;
  Comparison comparison = Comparison::kEqual;
  double number = 0;                // of the comparisons by size
  std::vector<std::string> values;  // of = and !=: any of them

  // = and != compare text, and as numbers where both sides are numbers ("1.0" is 1). A missing cell meets != alone.
  bool MatchesText(std::string_view cell) const;
  bool MatchesNumber(double cell) const;
  bool MatchesMissing() const { return comparison == Comparison::kNotEqual; }
};

// COLUMN OPERATOR VALUE with one of = == != < <= > >=, blanks around them ignored; `|` separates alternatives of = and
// !=. INVALID_ARGUMENT when it is no such condition or a size is compared with something that is no number.
absl::StatusOr<RowFilter> ParseRowFilter(std::string_view text);

}  // namespace kindred
