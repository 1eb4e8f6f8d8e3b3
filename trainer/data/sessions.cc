#include "trainer/data/sessions.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {
namespace {

constexpr uint32_t kLeftOut = UINT32_MAX;
constexpr double kMsPerMinute = 60'000;

absl::Status CheckOptions(const EventLog& events, const SessionOptions& options) {
  if (options.split == SessionSplit::kGap) {
    if (events.time_ms.empty()) {
      return absl::InvalidArgumentError(
          "sessions are split at pauses, and the events have no times: name the time column, or split by a session "
          "column or by user (one sequence a user, in the order of the rows)");
    }
    if (!(options.gap_minutes >= 0) || !std::isfinite(options.gap_minutes)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the session gap is %g minutes, expected a finite number ≥ 0", options.gap_minutes));
    }
  }
  if (options.split == SessionSplit::kColumn && events.session.empty()) {
    return absl::InvalidArgumentError(
        "sessions are split by a column, and the events have no session ids: name the session column, or split by gap "
        "or by user");
  }
  return absl::OkStatus();
}

// Rows of each user, in order of time. Rows of one time keep their order.
std::vector<uint32_t> InOrder(const EventLog& events) {
  std::vector<uint32_t> rows(events.size());
  std::iota(rows.begin(), rows.end(), 0u);
  std::stable_sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    if (events.user[a] != events.user[b]) return events.user[a] < events.user[b];
    return !events.time_ms.empty() && events.time_ms[a] < events.time_ms[b];
  });
  return rows;
}

// Within each user, brings the rows of one session together, sessions by their first row.
void GroupSessions(const EventLog& events, std::vector<uint32_t>* rows) {
  std::unordered_map<uint32_t, uint32_t> rank;
  for (auto begin = rows->begin(); begin != rows->end();) {
    const uint32_t user = events.user[*begin];
    auto end = begin;
    rank.clear();
    for (; end != rows->end() && events.user[*end] == user; ++end) {
      rank.try_emplace(events.session[*end], static_cast<uint32_t>(rank.size()));
    }
    std::stable_sort(begin, end, [&](uint32_t a, uint32_t b) {
      return rank.find(events.session[a])->second < rank.find(events.session[b])->second;
    });
    begin = end;
  }
}

bool Splits(const EventLog& events, const SessionOptions& options, uint32_t before, uint32_t after) {
  if (events.user[before] != events.user[after]) return true;
  if (options.split == SessionSplit::kColumn) return events.session[before] != events.session[after];
  if (options.split == SessionSplit::kUser) return false;
  return static_cast<double>(events.time_ms[after]) - static_cast<double>(events.time_ms[before]) >
         options.gap_minutes * kMsPerMinute;
}

// Numbers the (action, item) pairs in the order in which `rows` has them; pairs that are too rare are left out.
class Vocabulary {
 public:
  Vocabulary(const EventLog& events, bool with_actions, const std::vector<uint32_t>& rows, uint32_t min_occurrences)
      : events_(events), with_actions_(with_actions) {
    for (uint32_t row : rows) ++counts_[Key(row)];
    for (auto& [key, count] : counts_) {
      if (count < min_occurrences) count = 0;
    }
  }

  // The number of the token of a row, given at first sight; kLeftOut for a rare one.
  uint32_t Number(uint32_t row) {
    const uint64_t key = Key(row);
    if (counts_.find(key)->second == 0) return kLeftOut;
    const auto [found, is_new] = number_.try_emplace(key, static_cast<uint32_t>(keys_.size()));
    if (is_new) keys_.push_back(key);
    return found->second;
  }
  bool IsRare(uint32_t row) const { return counts_.find(Key(row))->second == 0; }

  absl::Status Name(TokenSequences* out) const {
    std::unordered_map<std::string_view, uint64_t> named;
    out->token_ids.reserve(keys_.size());
    for (uint64_t key : keys_) {
      const auto item = static_cast<uint32_t>(key);
      const auto action = static_cast<uint16_t>(key >> 32);
      out->token_item.push_back(item);
      if (with_actions_) out->token_action.push_back(action);
      out->token_ids.push_back(with_actions_ ? TokenId(events_.action_ids[action], events_.item_ids[item])
                                             : events_.item_ids[item]);
    }
    for (size_t t = 0; t < keys_.size(); ++t) {
      const auto [found, is_new] = named.try_emplace(out->token_ids[t], keys_[t]);
      if (is_new) continue;
      return absl::InvalidArgumentError(absl::StrFormat(
          "two tokens have the name %s: action %s of item %s and action %s of item %s; rename the action, or train "
          "without actions",
          Shown(out->token_ids[t]), Shown(events_.action_ids[found->second >> 32]),
          Shown(events_.item_ids[static_cast<uint32_t>(found->second)]), Shown(events_.action_ids[keys_[t] >> 32]),
          Shown(events_.item_ids[static_cast<uint32_t>(keys_[t])])));
    }
    return absl::OkStatus();
  }

 private:
  uint64_t Key(uint32_t row) const {
    return with_actions_ ? uint64_t{events_.action[row]} << 32 | events_.item[row] : events_.item[row];
  }

  const EventLog& events_;
  const bool with_actions_;
  std::unordered_map<uint64_t, uint64_t> counts_;
  std::unordered_map<uint64_t, uint32_t> number_;
  std::vector<uint64_t> keys_;
};

}  // namespace

std::string_view SessionSplitName(SessionSplit value) {
  switch (value) {
    case SessionSplit::kGap:
      return "gap";
    case SessionSplit::kColumn:
      return "column";
    case SessionSplit::kUser:
      return "user";
  }
  return "";
}

absl::StatusOr<SessionSplit> SessionSplitFromName(std::string_view name) {
  for (SessionSplit value : {SessionSplit::kGap, SessionSplit::kColumn, SessionSplit::kUser}) {
    if (name == SessionSplitName(value)) return value;
  }
  return absl::InvalidArgumentError(StrCat("session split '", name, "', expected gap, column or user"));
}

std::string TokenId(std::string_view action, std::string_view item) { return StrCat(action, "_", item); }

absl::StatusOr<TokenSequences> MakeSequences(const EventLog& events, const SessionOptions& options) {
  RETURN_IF_ERROR(CheckOptions(events, options));
  std::vector<uint32_t> rows = InOrder(events);
  if (options.split == SessionSplit::kColumn) GroupSessions(events, &rows);
  Vocabulary vocabulary(events, options.with_actions && !events.action.empty(), rows, options.min_occurrences);

  TokenSequences out;
  for (auto begin = rows.cbegin(); begin != rows.cend();) {
    auto end = begin + 1;
    while (end != rows.cend() && !Splits(events, options, *(end - 1), *end)) ++end;
    const auto kept =
        static_cast<uint32_t>(std::count_if(begin, end, [&](uint32_t row) { return !vocabulary.IsRare(row); }));
    if (kept == 0 || kept < options.min_tokens) {
      ++out.left_out_sequences;
      out.left_out_events += static_cast<uint64_t>(end - begin);
    } else {
      for (auto row = begin; row != end; ++row) {
        const uint32_t token = vocabulary.Number(*row);
        if (token != kLeftOut) out.tokens.push_back(token);
      }
      out.left_out_events += static_cast<uint64_t>(end - begin) - kept;
      out.offsets.push_back(static_cast<int64_t>(out.tokens.size()));
      out.user.push_back(events.user[*begin]);
    }
    begin = end;
  }
  RETURN_IF_ERROR(vocabulary.Name(&out));
  out.token_count.assign(out.token_ids.size(), 0);
  for (uint32_t token : out.tokens) ++out.token_count[token];
  return out;
}

}  // namespace kindred
