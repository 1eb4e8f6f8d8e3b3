#include "trainer/data/event_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/id_table.h"
#include "trainer/data/aggregate.h"

namespace kindred {
namespace {

constexpr std::string_view kRoleNames[kRoles] = {"user", "item", "value", "time", "action", "session"};
constexpr std::string_view kSkipReasons[] = {"empty user id",
                                             "empty item id",
                                             "empty value",
                                             "empty time",
                                             "empty action",
                                             "empty session id",
                                             "value of 0",
                                             "before the time given by --from",
                                             "at or after the time given by --before"};
constexpr uint32_t kRecommendedItems = 5;
constexpr size_t kMaxActions = 65'535;

std::string Found(const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::kText:
      return StrCat("found ", Shown(cell.text));
    case Cell::Kind::kInteger:
      return StrCat("found ", cell.integer);
    case Cell::Kind::kNumber:
      return absl::StrFormat("found %g", cell.number);
    case Cell::Kind::kTimeMs:
      return StrCat("found the time ", TimeText(cell.integer));
    case Cell::Kind::kWrongType:
      return StrCat("found ", cell.text);
    case Cell::Kind::kMissing:
      break;
  }
  return "found nothing";
}

// The ids with the `most` most rows, ties by first appearance; all when most is 0.
std::vector<uint8_t> MostFrequent(const std::vector<uint32_t>& column, size_t n_ids, uint32_t most) {
  std::vector<uint8_t> kept(n_ids, 1);
  if (most == 0 || n_ids <= most) return kept;
  std::vector<uint64_t> rows(n_ids, 0);
  for (uint32_t id : column) ++rows[id];
  std::vector<uint32_t> order(n_ids);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return rows[a] > rows[b]; });
  for (size_t i = most; i < n_ids; ++i) kept[order[i]] = 0;
  return kept;
}

}  // namespace

EventBuilder::EventBuilder(const EventReadOptions& options) : options_(options), filtered_(options.keep.size(), 0) {}

std::vector<std::string> EventBuilder::WantedColumns() const {
  std::vector<std::string> columns = {options_.user_column, options_.item_column,   options_.value_column,
                                      options_.time_column, options_.action_column, options_.session_column};
  for (const RowFilter& filter : options_.keep) columns.push_back(filter.column);
  return columns;
}

absl::Status EventBuilder::CheckSameColumns(const std::string& path, const std::vector<std::string>& columns) {
  if (columns[kTimeRole].empty() && (options_.from_ms || options_.before_ms)) {
    return absl::InvalidArgumentError(StrCat(path, ": a limit on time needs a time column; name it (--time-column)"));
  }
  if (first_columns_.empty()) {
    first_path_ = path;
    first_columns_ = columns;
    report_.value_column = columns[kValueRole];
    report_.time_column = columns[kTimeRole];
    return absl::OkStatus();
  }
  for (const Role role : {kValueRole, kTimeRole}) {
    if (columns[role] == first_columns_[role]) continue;
    const bool here = !columns[role].empty();
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s has a %s column '%s', %s has none; name it for both, or say --%s-column none to read it from neither",
        here ? path : first_path_, kRoleNames[role], here ? columns[role] : first_columns_[role],
        here ? first_path_ : path, kRoleNames[role]));
  }
  return absl::OkStatus();
}

absl::Status EventBuilder::NoColumn(const std::string& path, size_t place, std::string_view name,
                                    const std::vector<std::string>& columns) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: has no column %s; its columns are %s. %s", path, Shown(name), StrJoin(columns, ", "),
                      place < kRoles ? absl::StrFormat("Name the one that it is with --%s-column", kRoleNames[place])
                                     : "Correct the condition of --keep"));
}

bool EventBuilder::IsMissing(const Cell& cell) const {
  if (cell.kind == Cell::Kind::kMissing) return true;
  if (cell.kind != Cell::Kind::kText) return false;
  return cell.text.empty() ||
         std::find(options_.missing.begin(), options_.missing.end(), cell.text) != options_.missing.end();
}

bool EventBuilder::Keeps(const RowFilter& filter, const Cell& cell) const {
  if (IsMissing(cell)) return filter.MatchesMissing();
  if (cell.kind == Cell::Kind::kText) return filter.MatchesText(cell.text);
  if (cell.kind == Cell::Kind::kTimeMs) return filter.MatchesText(TimeText(cell.integer));
  return filter.MatchesNumber(cell.kind == Cell::Kind::kNumber ? cell.number : static_cast<double>(cell.integer));
}

std::optional<EventBuilder::Problem> EventBuilder::SkipFor(Skip reason) {
  ++skipped_[reason];
  return std::nullopt;
}

std::optional<EventBuilder::Problem> EventBuilder::CheckId(Role role, const Cell& cell) {
  if (cell.kind == Cell::Kind::kText) {
    if (const std::string problem = IdProblem(cell.text); !problem.empty()) {
      return Problem{role, StrCat("the id ", Shown(cell.text), " ", problem)};
    }
    return std::nullopt;
  }
  if (cell.kind == Cell::Kind::kInteger) return std::nullopt;
  // Data frames turn whole numbers into floating point where one of the column is missing.
  if (cell.kind == Cell::Kind::kNumber && cell.number == std::floor(cell.number) && std::abs(cell.number) < 0x1p53) {
    return std::nullopt;
  }
  return Problem{role, StrCat(Found(cell), ", expected an id: text or a whole number")};
}

uint32_t EventBuilder::IndexOf(const Cell& cell, IdIndexer* ids) {
  if (cell.kind == Cell::Kind::kText) return ids->Index(cell.text);
  return ids->Index(cell.kind == Cell::Kind::kInteger ? cell.integer : static_cast<int64_t>(cell.number));
}

std::optional<EventBuilder::Problem> EventBuilder::ReadTime(const Cell& cell, int64_t* time_ms) const {
  std::optional<int64_t> time;
  if (cell.kind == Cell::Kind::kTimeMs) time = cell.integer;
  if (cell.kind == Cell::Kind::kText) time = ParseEventTime(cell.text, options_.time_format);
  if (cell.kind == Cell::Kind::kInteger) time = TimeOfInteger(cell.integer, options_.time_format);
  if (cell.kind == Cell::Kind::kNumber) time = TimeOfNumber(cell.number, options_.time_format);
  if (!time) return Problem{kTimeRole, StrCat(Found(cell), ", expected ", kTimeForms)};
  *time_ms = *time;
  return std::nullopt;
}

std::optional<EventBuilder::Problem> EventBuilder::ReadValue(const Cell& cell, double* value) const {
  std::optional<double> number;
  if (cell.kind == Cell::Kind::kText) number = ParseNumber(cell.text);
  if (cell.kind == Cell::Kind::kInteger) number = static_cast<double>(cell.integer);
  if (cell.kind == Cell::Kind::kNumber && std::isfinite(cell.number)) number = cell.number;
  if (!number) return Problem{kValueRole, StrCat(Found(cell), ", expected a finite number")};
  if (std::abs(*number) > std::numeric_limits<float>::max()) {
    return Problem{kValueRole, StrCat(Found(cell), ", which is too large, expected a number of at most 3.4e38")};
  }
  *value = *number;
  return std::nullopt;
}

std::optional<EventBuilder::Problem> EventBuilder::Add(std::span<const Cell> cells) {
  ++report_.rows_read;
  for (size_t f = 0; f < options_.keep.size(); ++f) {
    if (cells[kRoles + f].kind == Cell::Kind::kWrongType) {
      return Problem{kRoles + f, StrCat(Found(cells[kRoles + f]), ", expected text or a number")};
    }
    if (!Keeps(options_.keep[f], cells[kRoles + f])) {
      ++filtered_[f];
      return std::nullopt;
    }
  }
  const Cell &user = cells[kUserRole], &item = cells[kItemRole];
  if (IsMissing(user)) return SkipFor(kEmptyUser);
  if (IsMissing(item)) return SkipFor(kEmptyItem);
  if (auto problem = CheckId(kUserRole, user)) return problem;
  if (auto problem = CheckId(kItemRole, item)) return problem;

  const bool has_time = !first_columns_[kTimeRole].empty(), has_value = !first_columns_[kValueRole].empty();
  const bool has_action = !first_columns_[kActionRole].empty(), has_session = !first_columns_[kSessionRole].empty();
  int64_t time_ms = 0;
  if (has_time) {
    if (IsMissing(cells[kTimeRole])) return SkipFor(kEmptyTime);
    if (auto problem = ReadTime(cells[kTimeRole], &time_ms)) return problem;
    if (options_.from_ms && time_ms < *options_.from_ms) return SkipFor(kTooEarly);
    if (options_.before_ms && time_ms >= *options_.before_ms) return SkipFor(kTooLate);
  }
  double value = 1;
  bool clipped = false;
  if (has_value) {
    const Cell& cell = cells[kValueRole];
    if (IsMissing(cell) || (cell.kind == Cell::Kind::kText && Trimmed(cell.text).empty())) return SkipFor(kEmptyValue);
    if (auto problem = ReadValue(cell, &value)) return problem;
    const double given = value;
    if (options_.clip_low) value = std::max(value, *options_.clip_low);
    if (options_.clip_high) value = std::min(value, *options_.clip_high);
    clipped = value != given;
    if (value < 0 && !options_.allow_negative) {
      return Problem{kValueRole, StrCat(Found(cell),
                                        ", expected a number ≥ 0: this model's factors and its transform are of "
                                        "non-negative values. --clip 0, makes such values 0, which say nothing")};
    }
    if (value == 0) return SkipFor(kZeroValue);
  }
  if (has_action) {
    if (IsMissing(cells[kActionRole])) return SkipFor(kEmptyAction);
    if (auto problem = CheckId(kActionRole, cells[kActionRole])) return problem;
  }
  if (has_session) {
    if (IsMissing(cells[kSessionRole])) return SkipFor(kEmptySession);
    if (auto problem = CheckId(kSessionRole, cells[kSessionRole])) return problem;
  }
  if (has_action) {
    const uint32_t action = IndexOf(cells[kActionRole], &actions_);
    if (action >= kMaxActions) {
      return Problem{kActionRole, absl::StrFormat("%s, the %dth distinct action; at most %d are allowed. Is it the "
                                                  "right column?",
                                                  Found(cells[kActionRole]), action + 1, kMaxActions)};
    }
    log_.action.push_back(static_cast<uint16_t>(action));
  }
  if (has_session) log_.session.push_back(IndexOf(cells[kSessionRole], &sessions_));
  log_.user.push_back(IndexOf(user, &users_));
  log_.item.push_back(IndexOf(item, &items_));
  if (has_time) log_.time_ms.push_back(time_ms);
  if (has_value) log_.value.push_back(static_cast<float>(value));
  report_.clipped += clipped;
  return std::nullopt;
}

absl::Status EventBuilder::BadRow(const absl::Status& located) {
  if (!options_.skip_bad_rows) {
    return absl::InvalidArgumentError(
        StrCat(located.message(), ". Mend the row, or leave such rows out with --skip-bad-rows"));
  }
  if (report_.first_bad_row.empty()) report_.first_bad_row = std::string(located.message());
  ++report_.skipped["bad rows"];
  return absl::OkStatus();
}

void EventBuilder::Cap() {
  const std::vector<uint8_t> users = MostFrequent(log_.user, log_.user_ids.size(), options_.max_users);
  const std::vector<uint8_t> items = MostFrequent(log_.item, log_.item_ids.size(), options_.max_items);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < log_.size(); ++row) {
    if (users[log_.user[row]] != 0 && items[log_.item[row]] != 0) rows.push_back(row);
  }
  if (rows.size() == log_.size()) return;
  report_.skipped["beyond the caps on users and items"] = log_.size() - rows.size();
  const size_t n_users = log_.user_ids.size(), n_items = log_.item_ids.size();
  log_ = DropUnusedIds(SelectRows(log_, rows));
  report_.users_dropped += n_users - log_.user_ids.size();
  report_.items_dropped += n_items - log_.item_ids.size();
}

absl::Status EventBuilder::KeepCore(const std::vector<std::string>& paths) {
  const size_t n_users = log_.user_ids.size(), n_items = log_.item_ids.size(), n_rows = log_.size();
  if (options_.min_user_items > 1 || options_.min_item_users > 1) {
    log_ = kindred::KeepCore(log_, options_.min_user_items, options_.min_item_users);
    if (log_.size() < n_rows) report_.skipped["of users or items with too few"] = n_rows - log_.size();
    report_.users_dropped += n_users - log_.user_ids.size();
    report_.items_dropped += n_items - log_.item_ids.size();
  }
  if (log_.size() > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrFormat("%s: of %d users and %d items none is left that has %d items and %d users; loosen "
                      "--min-user-items or --min-item-users",
                      StrJoin(paths, ", "), n_users, n_items, options_.min_user_items, options_.min_item_users));
}

absl::StatusOr<EventInput> EventBuilder::Finish(const std::vector<std::string>& paths) {
  for (size_t reason = 0; reason < kSkips; ++reason) {
    if (skipped_[reason] > 0) report_.skipped[std::string(kSkipReasons[reason])] = skipped_[reason];
  }
  for (size_t f = 0; f < filtered_.size(); ++f) {
    if (filtered_[f] > 0) report_.skipped[StrCat("not ", options_.keep[f].text)] = filtered_[f];
  }
  log_.user_ids = users_.TakeIds();
  log_.item_ids = items_.TakeIds();
  log_.action_ids = actions_.TakeIds();
  log_.session_ids = sessions_.TakeIds();
  if (options_.max_users > 0 || options_.max_items > 0) Cap();
  if (log_.size() == 0) {
    std::string reasons;
    for (const auto& [reason, rows] : report_.skipped) StrAppend(&reasons, "; ", rows, " skipped: ", reason);
    return absl::FailedPreconditionError(absl::StrFormat("%s: no interaction to train on in %d rows%s%s",
                                                         StrJoin(paths, ", "), report_.rows_read,
                                                         report_.rows_read == 0 ? " behind the header" : "", reasons));
  }
  if (absl::Status status = KeepCore(paths); !status.ok()) return status;
  report_.rows_used = log_.size();
  const SparseMatrix pairs = AggregateEvents(log_, {.aggregation = Aggregation::kCount}).values;
  for (uint32_t user = 0; user < pairs.rows; ++user) {
    report_.users_below_five += pairs.RowIndices(user).size() < kRecommendedItems;
  }
  return EventInput{std::move(log_), std::move(report_)};
}

}  // namespace kindred
