#include "clients/cli/load_check.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {
namespace {

// Of one BatchGetProfile: well below the API's limit, for full histories with names are large.
constexpr size_t kBatchUsers = 100;
constexpr absl::Duration kPause = absl::Milliseconds(200);

using Batch = std::vector<std::pair<const std::string*, const LedgerUser*>>;

std::vector<LedgerEvent> EventsOf(const v1::GetProfileResponse& profile) {
  std::vector<LedgerEvent> events;
  for (const v1::ProfileEvent& event : profile.events()) {
    const auto& time = event.event().time();
    events.push_back({event.event().item_id(), time.seconds() * 1000 + time.nanos() / 1'000'000});
  }
  return events;
}

void Append(LedgerCheck* into, const LedgerCheck& other) {
  into->users += other.users;
  into->updates += other.updates;
  into->found += other.found;
  into->beyond += other.beyond;
  into->unread += other.unread;
  into->missing.insert(into->missing.end(), other.missing.begin(), other.missing.end());
  into->doubled.insert(into->doubled.end(), other.doubled.begin(), other.doubled.end());
}

// Of one user, by what the server said.
LedgerCheck CheckResult(const LedgerUser& updates, const v1::ProfileResult& result) {
  LedgerCheck check;
  check.users = 1;
  const auto& degradations = result.profile().degradations();
  if (!result.has_profile() || std::count(degradations.begin(), degradations.end(),
                                          static_cast<int>(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE)) > 0) {
    check.updates = updates.size();
    check.unread = 1;
  } else {
    CheckUser(updates, EventsOf(result.profile()), &check);
  }
  return check;
}

}  // namespace

std::map<std::string, LedgerUser> ByUser(const std::vector<LedgerEntry>& entries) {
  std::map<std::string, LedgerUser> users;
  for (const LedgerEntry& entry : entries) users[entry.user].emplace(entry.update_id, &entry);
  return users;
}

void CheckUser(const LedgerUser& updates, const std::vector<LedgerEvent>& events, LedgerCheck* check) {
  std::map<std::pair<std::string, int64_t>, int> kept;
  int64_t oldest = std::numeric_limits<int64_t>::max();
  for (const LedgerEvent& event : events) {
    ++kept[{event.item, event.time_ms}];
    oldest = std::min(oldest, event.time_ms);
  }
  check->updates += updates.size();
  for (const auto& [update_id, entry] : updates) {
    const LedgerEntry& expected = *entry;
    const std::string& id = update_id;
    const auto found = kept.find({entry->item, entry->time_ms});
    const auto line = [&] { return absl::StrCat(expected.user, " ", id, " ", expected.item, " ", expected.time_ms); };
    if (found != kept.end()) {
      ++check->found;
      if (found->second > 1) check->doubled.push_back(line());
    } else if (events.size() >= kHistoryEvents && entry->time_ms <= oldest) {
      ++check->beyond;
    } else {
      check->missing.push_back(line());
    }
  }
}

absl::StatusOr<LedgerCheck> CheckLedger(const std::vector<LedgerEntry>& entries, const std::string& server,
                                        const std::string& model, const ClientOptions& options, double within_s) {
  RecommendClient client(server, options);
  const std::map<std::string, LedgerUser> users = ByUser(entries);
  Batch open;
  for (const auto& [user, updates] : users) open.emplace_back(&user, &updates);
  const absl::Time until = absl::Now() + absl::Seconds(within_s);
  LedgerCheck whole;
  while (true) {
    const bool last = absl::Now() >= until;
    Batch again;
    for (size_t begin = 0; begin < open.size(); begin += kBatchUsers) {
      const size_t end = std::min(begin + kBatchUsers, open.size());
      v1::BatchGetProfileRequest request;
      request.set_model(model);
      for (size_t u = begin; u < end; ++u) request.add_user_ids(*open[u].first);
      const auto response = client.BatchGetProfile(request);
      if (!response.ok()) return response.status();
      if (static_cast<size_t>(response->results_size()) != end - begin) {
        return absl::InternalError(
            absl::StrCat("the server answered for ", response->results_size(), " of ", end - begin, " users"));
      }
      for (size_t u = begin; u < end; ++u) {
        const LedgerCheck check = CheckResult(*open[u].second, response->results(static_cast<int>(u - begin)));
        if (check.ok() || last) {
          Append(&whole, check);
        } else {
          again.push_back(open[u]);
        }
      }
    }
    if (again.empty()) return whole;
    open = std::move(again);
    absl::SleepFor(kPause);
  }
}

}  // namespace kindred
