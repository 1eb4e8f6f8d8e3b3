#include "trainer/evaluation/cold_start.h"

#include <algorithm>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/evaluation/grouped_rows.h"

namespace kindred {
namespace {

// Test rows of users with at least `events` positive rows in the history.
EventLog OfUsersWithHistory(const EventLog& test, const EventLog& history, uint32_t events) {
  std::unordered_map<std::string_view, uint32_t> counts;
  for (size_t row = 0; row < history.size(); ++row) {
    if (history.ValueOf(row) > 0) ++counts[history.user_ids[history.user[row]]];
  }
  std::vector<bool> has(test.user_ids.size());
  for (size_t user = 0; user < has.size(); ++user) {
    const auto found = counts.find(test.user_ids[user]);
    has[user] = found != counts.end() && found->second >= events;
  }
  std::vector<uint32_t> rows;
  rows.reserve(test.size());
  for (size_t row = 0; row < test.size(); ++row) {
    if (has[test.user[row]]) rows.push_back(static_cast<uint32_t>(row));
  }
  return SelectRows(test, rows);
}

// Rows whose item the ranker knows.
absl::StatusOr<EventLog> OfKnownItems(const EventLog& log, const Ranker& ranker) {
  ASSIGN_OR_RETURN(const std::vector<bool> known, KnownItems(log, ranker));
  std::vector<uint32_t> rows;
  rows.reserve(log.size());
  for (size_t row = 0; row < log.size(); ++row) {
    if (known[log.item[row]]) rows.push_back(static_cast<uint32_t>(row));
  }
  return SelectRows(log, rows);
}

uint64_t UsersOf(const EventLog& log) { return GroupByUser(log).size(); }

// How many users of the log the ranker was trained on.
absl::StatusOr<uint64_t> TrainedUsers(const EventLog& log, const Ranker& ranker) {
  uint64_t out = 0;
  for (const uint32_t user : GroupByUser(log).users) {
    RankRequest request;
    request.user_id = log.user_ids[user];
    request.k = 1;
    RankAnswer answer;
    RETURN_IF_ERROR(ranker.Rank(request, &answer));
    out += answer.source == "trained_vector" ? 1 : 0;
  }
  return out;
}

// Whether a reference that ranked as `trained` is comparable with `cold`.
absl::Status CheckReference(const Evaluation& cold, const Evaluation& trained) {
  const auto own = trained.rankings[0].sources.find("trained_vector");
  const uint64_t known = own == trained.rankings[0].sources.end() ? 0 : own->second;
  if (known < trained.scored_users) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the reference was trained on %s of the %s users, expected all: train it on the training events and the "
        "history together",
        WithThousands(known), WithThousands(trained.scored_users)));
  }
  if (trained.relevant_items < cold.relevant_items) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the reference would recommend %s of the %s items that are to be found: its users have the others already. "
        "Train it on the training events and the history, without the test",
        WithThousands(trained.relevant_items), WithThousands(cold.relevant_items)));
  }
  if (trained.relevant_items > cold.relevant_items) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the model would recommend %s of the %s items that the reference would: it was trained on the test's users",
        WithThousands(cold.relevant_items), WithThousands(trained.relevant_items)));
  }
  return absl::OkStatus();
}

}  // namespace

FirstAndLater DivideByEvents(const EventLog& log, uint32_t events) {
  const GroupedRows by_user = GroupByUser(log);
  std::vector<uint32_t> first, later;
  first.reserve(log.size());
  later.reserve(log.size());
  for (size_t user = 0; user < by_user.size(); ++user) {
    const std::span<const uint32_t> rows = by_user.Rows(user);
    size_t cut = 0;
    for (uint32_t found = 0; cut < rows.size() && found < events; ++cut) found += log.ValueOf(rows[cut]) > 0 ? 1 : 0;
    const std::span<const uint32_t> rest = rows.subspan(cut);
    if (std::none_of(rest.begin(), rest.end(), [&](uint32_t row) { return log.ValueOf(row) > 0; })) continue;
    first.insert(first.end(), rows.begin(), rows.begin() + static_cast<int64_t>(cut));
    later.insert(later.end(), rest.begin(), rest.end());
  }
  return {SelectRows(log, first), SelectRows(log, later)};
}

absl::StatusOr<Evaluation> EvaluateColdStart(EvaluateInput input, const Ranker* reference, std::vector<uint32_t> events,
                                             EvaluateOptions options, Progress* progress) {
  std::sort(events.begin(), events.end());
  events.erase(std::unique(events.begin(), events.end()), events.end());
  if (events.empty() || events.front() < 1 || events.back() > kMaxRankEvents) {
    return absl::InvalidArgumentError(StrCat("cold start from ", events.empty() ? "no" : StrJoin(events, ","),
                                             " events, expected numbers from 1 to ", kMaxRankEvents));
  }
  const uint32_t most = events.back();
  const uint64_t given = UsersOf(*input.test);
  std::vector<std::string> notes;
  FirstAndLater divided;
  if (input.history == nullptr) {
    divided = DivideByEvents(*input.test, most);
    input.history = &divided.first;
    if (input.test->time_ms.empty()) {
      notes.emplace_back("cold start: the test has no times, so a user's first events are the first ones of the file");
    }
  } else {
    divided.later = OfUsersWithHistory(*input.test, *input.history, most);
  }
  const uint64_t left = UsersOf(divided.later);
  if (left == 0) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "cold start: none of %s test users has %d events before what is to be found; ask for fewer with --cold-start",
        WithThousands(given), most));
  }
  if (left < given) {
    notes.push_back(
        absl::StrFormat("cold start: %s of %s test users have fewer than %d events before what is to be "
                        "found, and are left out",
                        WithThousands(given - left), WithThousands(given), most));
  }
  if (reference != nullptr) {
    ASSIGN_OR_RETURN(divided.later, OfKnownItems(divided.later, *reference));
    ASSIGN_OR_RETURN(divided.later, OfKnownItems(divided.later, *input.ranker));
  }
  input.test = &divided.later;
  ASSIGN_OR_RETURN(const uint64_t trained_users, TrainedUsers(divided.later, *input.ranker));
  if (trained_users > 0) {
    notes.push_back(
        absl::StrFormat("cold start: the model was trained on %s of the %s users, who are not new to it; "
                        "kindred split --kind users holds users out",
                        WithThousands(trained_users), WithThousands(left)));
  }

  Evaluation out;
  ColdStart cold;
  const ValueScale values = options.values;
  options.fold_in = true;
  for (const uint32_t count : events) {
    options.first_events = count;
    options.values = count == most ? values : ValueScale::kNone;
    ASSIGN_OR_RETURN(Evaluation at, Evaluate(input, options, progress));
    if (!cold.points.empty() && (at.scored_users != out.scored_users || at.relevant_items != out.relevant_items)) {
      return absl::FailedPreconditionError(
          "cold start: the model would recommend other items of the test than before; did it change meanwhile?");
    }
    cold.points.push_back({count, at.rankings[0].at, at.rankings[0].sources});
    out = std::move(at);
  }
  cold.users = out.scored_users;
  if (out.rankings.size() > 1) cold.popularity = out.rankings[1].at;
  if (reference != nullptr) {
    input.ranker = reference;
    options.fold_in = false;
    options.first_events = 0;
    options.values = ValueScale::kNone;
    ASSIGN_OR_RETURN(const Evaluation trained, Evaluate(input, options, progress));
    RETURN_IF_ERROR(CheckReference(out, trained));
    cold.reference = trained.rankings[0].at;
    cold.reference_ranker = trained.ranker;
  }
  out.cold_start = std::move(cold);
  out.notes.insert(out.notes.begin(), notes.begin(), notes.end());
  return out;
}

}  // namespace kindred
