#include "trainer/data/row_filter.h"

#include <algorithm>

#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {
namespace {

using Comparison = RowFilter::Comparison;

bool Compare(double cell, Comparison comparison, double number) {
  switch (comparison) {
    case Comparison::kLess:
      return cell < number;
    case Comparison::kLessOrEqual:
      return cell <= number;
    case Comparison::kGreater:
      return cell > number;
    case Comparison::kGreaterOrEqual:
      return cell >= number;
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      break;
  }
  return false;
}

bool IsBySize(Comparison comparison) { return comparison != Comparison::kEqual && comparison != Comparison::kNotEqual; }

}  // namespace

bool RowFilter::MatchesText(std::string_view cell) const {
  const std::optional<double> cell_number = ParseNumber(cell);
  if (IsBySize(comparison)) return cell_number && Compare(*cell_number, comparison, number);
  const bool found = std::any_of(values.begin(), values.end(), [&](const std::string& value) {
    return value == cell || (cell_number && ParseNumber(value) == cell_number);
  });
  return found == (comparison == Comparison::kEqual);
}

bool RowFilter::MatchesNumber(double cell) const {
  if (IsBySize(comparison)) return Compare(cell, comparison, number);
  const bool found =
      std::any_of(values.begin(), values.end(), [&](const std::string& value) { return ParseNumber(value) == cell; });
  return found == (comparison == Comparison::kEqual);
}

absl::StatusOr<RowFilter> ParseRowFilter(std::string_view text) {
  RowFilter filter;
  filter.text = std::string(text);
  const size_t at = text.find_first_of("=!<>");
  const std::string_view column = Trimmed(text.substr(0, at));
  constexpr std::pair<std::string_view, Comparison> kOperators[] = {
      {"==", Comparison::kEqual},          {"!=", Comparison::kNotEqual}, {"<=", Comparison::kLessOrEqual},
      {">=", Comparison::kGreaterOrEqual}, {"=", Comparison::kEqual},     {"<", Comparison::kLess},
      {">", Comparison::kGreater}};
  const auto* const found =
      at == text.npos ? std::end(kOperators)
                      : std::find_if(std::begin(kOperators), std::end(kOperators),
                                     [&](const auto& entry) { return text.substr(at).starts_with(entry.first); });
  if (found == std::end(kOperators) || column.empty()) {
    return absl::InvalidArgumentError(
        StrCat("condition ", Shown(text), ", expected COLUMN OPERATOR VALUE such as 'Quantity>0' or 'type=view|buy'"));
  }
  filter.column = std::string(column);
  filter.comparison = found->second;
  std::string_view value = Trimmed(text.substr(at + found->first.size()));
  if (IsBySize(filter.comparison)) {
    const std::optional<double> number = ParseNumber(value);
    if (!number) {
      return absl::InvalidArgumentError(
          StrCat("condition ", Shown(text), " compares with ", Shown(value), ", expected a number"));
    }
    filter.number = *number;
    return filter;
  }
  while (true) {
    const size_t bar = value.find('|');
    filter.values.emplace_back(Trimmed(value.substr(0, bar)));
    if (bar == value.npos) return filter;
    value.remove_prefix(bar + 1);
  }
}

}  // namespace kindred
