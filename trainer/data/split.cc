#include "trainer/data/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/shuffle.h"
#include "trainer/data/user_rows.h"

namespace kindred {
namespace {

enum Part : uint8_t { kTrain, kValid, kTest };

constexpr std::pair<SplitKind, std::string_view> kNames[] = {{SplitKind::kRandom, "random"},
                                                             {SplitKind::kUserLast, "user_last"},
                                                             {SplitKind::kLeaveOneOut, "leave_one_out"},
                                                             {SplitKind::kTime, "time"},
                                                             {SplitKind::kUserQuantile, "user_quantile"},
                                                             {SplitKind::kUsers, "users"}};

absl::Status CheckFraction(double value, std::string_view name) {
  if (value >= 0 && value < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat("%s is %g, expected at least 0 and below 1", name, value));
}

absl::Status Check(const EventLog& log, const SplitOptions& options) {
  RETURN_IF_ERROR(CheckFraction(options.test_fraction, "the share of test"));
  RETURN_IF_ERROR(CheckFraction(options.valid_fraction, "the share of validation"));
  RETURN_IF_ERROR(CheckFraction(options.test_fraction + options.valid_fraction, "the share of test and validation"));
  RETURN_IF_ERROR(CheckFraction(options.quantile, "the quantile"));
  RETURN_IF_ERROR(CheckFraction(options.valid_quantile, "the quantile of validation"));
  const bool by_time = options.kind == SplitKind::kTime || options.kind == SplitKind::kUserQuantile;
  if (by_time && log.time_ms.empty()) {
    return absl::InvalidArgumentError(StrCat("a split by ", SplitKindName(options.kind),
                                             " needs the time of each row; name its column (--time-column)"));
  }
  if (options.valid_from_ms && !options.test_from_ms) {
    return absl::InvalidArgumentError("the moment from which rows are validation needs one from which they are test");
  }
  if (options.valid_from_ms && *options.valid_from_ms > *options.test_from_ms) {
    return absl::InvalidArgumentError("validation begins after test, expected before it");
  }
  return absl::OkStatus();
}

// Of `n`, the number that is `fraction`, at least 1 when the fraction is not 0 and there is one to take.
size_t Share(double fraction, size_t n) {
  if (fraction == 0 || n == 0) return 0;
  return std::max<size_t>(1, static_cast<size_t>(std::llround(fraction * static_cast<double>(n))));
}

void SplitRandom(const SplitOptions& options, std::vector<Part>* parts) {
  const size_t test = Share(options.test_fraction, parts->size());
  const size_t valid = Share(options.valid_fraction, parts->size());
  const std::vector<uint32_t> order = ShuffledIndices(static_cast<uint32_t>(parts->size()), options.seed);
  for (size_t i = 0; i < test; ++i) (*parts)[order[i]] = kTest;
  for (size_t i = test; i < std::min(test + valid, order.size()); ++i) (*parts)[order[i]] = kValid;
}

void SplitTime(const EventLog& log, const SplitOptions& options, std::vector<Part>* parts) {
  int64_t test_from = 0, valid_from = 0;
  if (options.test_from_ms) {
    test_from = *options.test_from_ms;
    valid_from = options.valid_from_ms.value_or(test_from);
  } else {
    std::vector<int64_t> times = log.time_ms;
    std::sort(times.begin(), times.end());
    const size_t n = times.size(), test = Share(options.test_fraction, n), valid = Share(options.valid_fraction, n);
    // Rows of one moment stay together, on the earlier side.
    const auto after = [&](size_t rows) { return rows >= n ? times.back() + 1 : times[n - rows - 1] + 1; };
    test_from = after(test);
    valid_from = std::min(test_from, after(test + valid));
  }
  for (size_t row = 0; row < log.size(); ++row) {
    if (log.time_ms[row] >= valid_from) (*parts)[row] = kValid;
    if (log.time_ms[row] >= test_from) (*parts)[row] = kTest;
  }
}

// Linear interpolation between order statistics. REQUIRES: `sorted` ascending, not empty.
double Quantile(const std::vector<int64_t>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(at));
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const auto low = static_cast<double>(sorted[below]), high = static_cast<double>(sorted[above]);
  return low + (at - std::floor(at)) * (high - low);
}

// `rows`: the user's, by time.
void SplitUserQuantile(const EventLog& log, const SplitOptions& options, std::span<const uint32_t> rows,
                       std::vector<Part>* parts) {
  std::vector<int64_t> times;
  times.reserve(rows.size());
  for (uint32_t row : rows) times.push_back(log.time_ms[row]);
  const double cut = Quantile(times, options.quantile);
  while (static_cast<double>(times.back()) > cut) times.pop_back();
  const double valid_cut = options.valid_quantile > 0 ? Quantile(times, options.valid_quantile) : cut;
  for (uint32_t row : rows) {
    const auto time = static_cast<double>(log.time_ms[row]);
    if (time > valid_cut) (*parts)[row] = kValid;
    if (time > cut) (*parts)[row] = kTest;
  }
}

void SplitUserLast(const SplitOptions& options, std::span<const uint32_t> rows, std::vector<Part>* parts) {
  const size_t test = options.test_rows, valid = options.valid_rows;
  if (rows.size() <= test + valid) return;
  for (size_t i = rows.size() - test - valid; i < rows.size(); ++i) {
    (*parts)[rows[i]] = i + test < rows.size() ? kValid : kTest;
  }
}

void SplitLeaveOneOut(const EventLog& log, const SplitOptions& options, std::span<const uint32_t> rows,
                      std::vector<Part>* parts) {
  const uint32_t test = log.item[rows.back()];
  std::optional<uint32_t> valid;
  for (auto row = rows.rbegin(); options.valid_item && row != rows.rend() && !valid; ++row) {
    if (log.item[*row] != test) valid = log.item[*row];
  }
  size_t left = 0;
  for (uint32_t row : rows) left += log.item[row] != test && log.item[row] != valid;
  if (left == 0) return;
  for (uint32_t row : rows) {
    if (log.item[row] == test) (*parts)[row] = kTest;
    if (log.item[row] == valid) (*parts)[row] = kValid;
  }
}

void SplitUsers(const EventLog& log, const SplitOptions& options, const UserRows& grouped, std::vector<Part>* parts) {
  std::vector<uint32_t> eligible;
  for (uint32_t user = 0; user < log.user_ids.size(); ++user) {
    if (!grouped.Of(user).empty() && DistinctItems(log, grouped.Of(user)) >= options.min_user_items) {
      eligible.push_back(user);
    }
  }
  const std::vector<uint32_t> order = ShuffledIndices(static_cast<uint32_t>(eligible.size()), options.seed);
  const size_t test = Share(options.test_fraction, order.size()), valid = Share(options.valid_fraction, order.size());
  for (size_t i = 0; i < std::min(test + valid, order.size()); ++i) {
    for (uint32_t row : grouped.Of(eligible[order[i]])) (*parts)[row] = i < test ? kTest : kValid;
  }
}

void SplitEachUser(const EventLog& log, const SplitOptions& options, UserRows grouped, std::vector<Part>* parts) {
  grouped.SortByTime(log);
  for (uint32_t user = 0; user < log.user_ids.size(); ++user) {
    const std::span<const uint32_t> rows = grouped.Of(user);
    if (rows.empty() || DistinctItems(log, rows) < options.min_user_items) continue;
    if (options.kind == SplitKind::kUserQuantile) SplitUserQuantile(log, options, rows, parts);
    if (options.kind == SplitKind::kUserLast) SplitUserLast(options, rows, parts);
    if (options.kind == SplitKind::kLeaveOneOut) SplitLeaveOneOut(log, options, rows, parts);
  }
}

}  // namespace

std::string_view SplitKindName(SplitKind kind) {
  for (const auto& [value, name] : kNames) {
    if (value == kind) return name;
  }
  return "";
}

absl::StatusOr<SplitKind> SplitKindFromName(std::string_view name) {
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  std::vector<std::string_view> names;
  for (const auto& [value, known] : kNames) {
    if (known == wanted) return value;
    names.push_back(known);
  }
  return absl::InvalidArgumentError(StrCat("split kind ", Shown(name), ", expected one of ", StrJoin(names, ", ")));
}

absl::StatusOr<Split> SplitRows(const EventLog& log, const SplitOptions& options) {
  RETURN_IF_ERROR(Check(log, options));
  std::vector<Part> parts(log.size(), kTrain);
  if (options.kind == SplitKind::kRandom) {
    SplitRandom(options, &parts);
  } else if (options.kind == SplitKind::kTime) {
    SplitTime(log, options, &parts);
  } else if (options.kind == SplitKind::kUsers) {
    SplitUsers(log, options, UserRows(log), &parts);
  } else {
    SplitEachUser(log, options, UserRows(log), &parts);
  }
  Split split;
  for (uint32_t row = 0; row < parts.size(); ++row) {
    (parts[row] == kTrain ? split.train : parts[row] == kValid ? split.valid : split.test).push_back(row);
  }
  if (split.train.empty() || split.test.empty()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("split %s leaves %d rows for training, %d for validation and %d for test of %d rows and %d "
                        "users, expected some "
                        "for training and test; loosen its limits (users need %d distinct items)",
                        SplitKindName(options.kind), split.train.size(), split.valid.size(), split.test.size(),
                        log.size(), log.user_ids.size(), options.min_user_items));
  }
  return split;
}

std::vector<uint32_t> TakeFirstRows(const EventLog& log, uint32_t count, std::vector<uint32_t>* rows) {
  std::vector<bool> wanted(log.size());
  for (const uint32_t row : *rows) wanted[row] = true;
  UserRows by_user(log);
  by_user.SortByTime(log);
  std::vector<bool> first(log.size());
  for (uint32_t user = 0; user < log.user_ids.size(); ++user) {
    uint32_t taken = 0;
    for (const uint32_t row : by_user.Of(user)) {
      if (!wanted[row]) continue;
      if (taken++ == count) break;
      first[row] = true;
    }
  }
  std::vector<uint32_t> out;
  std::erase_if(*rows, [&](uint32_t row) {
    if (first[row]) out.push_back(row);
    return first[row];
  });
  return out;
}

}  // namespace kindred
