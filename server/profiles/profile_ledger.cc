#include "server/profiles/profile_ledger.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/profile/count.h"
#include "core/profile/merge.h"
#include "server/logging.h"
#include "server/profiles/unseen_merge.h"
#include "server/request_events.h"

namespace kindred {

ProfileLedger::ProfileLedger(ProfileJournal* journal, NearCache* near, ProfileBacklog* backlog,
                             const RedisStoreOptions* options, RedisStoreStats* stats)
    : journal_(journal), near_(near), backlog_(backlog), options_(options), stats_(stats) {}

absl::Status ProfileLedger::Commit(std::span<const Profile* const> profiles) {
  std::vector<std::shared_ptr<Profile>> copies;
  std::vector<const Profile*> pointers;
  copies.reserve(profiles.size());
  pointers.reserve(profiles.size());
  for (const Profile* profile : profiles) {
    copies.push_back(std::make_shared<Profile>(*profile));
    pointers.push_back(copies.back().get());
  }
  {
    const std::lock_guard lock(mutex_);
    if (backlog_->size() + profiles.size() > options_->max_backlog) {
      const auto fresh = std::count_if(profiles.begin(), profiles.end(),
                                       [&](const Profile* profile) { return !backlog_->Contains(profile->user_id); });
      if (backlog_->size() + fresh > options_->max_backlog) return Refuse();
    }
    for (const auto& copy : copies) {
      if (absl::Status status = Reconcile(copy.get()); !status.ok()) return status;
    }
    for (const auto& copy : copies) committing_.insert(copy->user_id);
  }
  absl::Status status = journal_->Commit(pointers, options_->sync_journal);
  {
    const std::lock_guard lock(mutex_);
    committing_.clear();
    if (status.ok()) {
      for (auto& copy : copies) {
        const std::string& user_id = copy->user_id;
        KnownValue before = near_->Pin(user_id, copy);
        backlog_->Add(user_id, std::move(copy), std::move(before), BacklogClass::kFresh);
      }
    }
  }
  committed_.notify_all();
  if (status.ok()) Count(&stats_->commits, profiles.size());
  return status;
}

absl::Status ProfileLedger::Reconcile(Profile* profile) {
  const SharedProfile known = near_->Find(profile->user_id, NearCache::TimePoint::max()).known.profile;
  if (profile->version > 0) {
    // What came in since the writer read it must not go out of sight again.
    if (known != nullptr && !IsNewer(profile, known.get())) MergeUnseen(*known, options_->limits, profile);
    return absl::OkStatus();
  }
  Profile stored;
  if (known == nullptr) {
    const absl::StatusOr<bool> found = journal_->Get(profile->user_id, &stored);
    if (!found.ok()) return found.status();
  }
  const uint64_t epoch = known != nullptr ? known->epoch : stored.epoch;
  if (profile->epoch <= epoch) profile->epoch = CountUp(epoch);
  if (profile->updated_ms == 0) profile->updated_ms = NowMs();
  profile->events.clear();
  profile->update_ids.clear();
  return absl::OkStatus();
}

absl::Status ProfileLedger::Refuse() {
  Count(&stats_->refused);
  const int64_t since_ms = backlog_->since_ms();
  return absl::UnavailableError(absl::StrFormat(
      "%d profiles wait for Redis, the oldest since %s, and no more than %d may; reads go on, updates do again when "
      "Redis takes writes",
      backlog_->size(), absl::FormatTime(absl::FromUnixMillis(since_ms), absl::UTCTimeZone()), options_->max_backlog));
}

bool ProfileLedger::IsTooOld(const Profile& profile) const {
  const auto ttl = profile.version == 0 ? options_->tombstone_ttl : options_->ttl;
  return NowMs() - profile.updated_ms > ttl.count();
}

absl::StatusOr<SharedProfile> ProfileLedger::Recall(std::string_view user_id) {
  thread_local Profile stored;
  const absl::StatusOr<bool> found = journal_->Get(user_id, &stored);
  if (!found.ok()) return found.status();
  // A deletion is found as a profile of version 0.
  if ((stored.version == 0 && stored.epoch == 0) || IsTooOld(stored)) return SharedProfile();
  return SharedProfile(std::make_shared<Profile>(stored));
}

void ProfileLedger::Restore(std::string_view user_id, const SharedProfile& found) {
  std::unique_lock lock(mutex_);
  WaitForCommit(user_id, &lock);
  if (backlog_->Contains(user_id) || backlog_->size() >= options_->max_backlog) return;
  // Not what the finder read from the journal: a commit may have come and gone since.
  const absl::StatusOr<SharedProfile> recalled = Recall(user_id);
  SharedProfile whole = recalled.ok() ? *recalled : nullptr;
  if (whole == nullptr) whole = found;
  if (whole == nullptr) return;
  if (found != nullptr) {
    auto merged = std::make_shared<Profile>(*found);
    MergeProfile(*whole, options_->limits, merged.get());
    whole = std::move(merged);
  }
  if (const absl::Status status = journal_->Put(*whole, true); !status.ok()) {
    LogWarn("a profile that Redis lost cannot be marked in the journal", {{"error", status.ToString()}});
  }
  Count(&stats_->reapplied);
  KnownValue before = near_->Pin(user_id, whole);
  backlog_->Add(user_id, std::move(whole), std::move(before), BacklogClass::kReplay);
}

void ProfileLedger::Replay(std::string_view user_id) {
  std::unique_lock lock(mutex_);
  WaitForCommit(user_id, &lock);
  if (backlog_->Contains(user_id)) return;
  absl::StatusOr<SharedProfile> recalled = Recall(user_id);
  if (!recalled.ok()) return;
  if (*recalled == nullptr) {
    journal_->Unmark(user_id).IgnoreError();
    return;
  }
  Count(&stats_->replays);
  backlog_->Add(user_id, *std::move(recalled), {}, BacklogClass::kReplay);
}

bool ProfileLedger::Merge(BacklogItem* item, const KnownValue& current) {
  std::unique_lock lock(mutex_);
  WaitForCommit(item->user_id, &lock);
  while (true) {
    auto merged = std::make_shared<Profile>(*item->profile);
    // At the epoch of a deletion that may have arrived: whoever wrote it had seen that.
    const bool seen = item->profile->version == 0 && item->sent_epoch == item->profile->epoch &&
                      item->sent_epoch == current.profile->epoch;
    const auto merge = item->kind == BacklogClass::kFresh && !seen ? MergeUnseen : MergeProfile;
    const bool changed = merge(*current.profile, options_->limits, merged.get());
    const bool same = *merged == *current.profile;
    item->base = current;
    item->merged = true;
    if (!changed) return same;
    const SharedProfile before = item->profile;
    if (!backlog_->Replace(item, merged)) continue;
    near_->Repin(item->user_id, before, merged);
    // A failure costs nothing that was acknowledged here: the journal has that, and its mark.
    if (const absl::Status status = journal_->Put(*merged, true); !status.ok()) {
      LogWarn("a profile merged with that of Redis cannot be written to the journal", {{"error", status.ToString()}});
    }
    return same;
  }
}

void ProfileLedger::Settle(std::span<const Settled> settled, const std::atomic<uint64_t>& generation,
                           std::vector<ProfileBacklog::Shared>* waiting) {
  const auto now = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  for (const Settled& one : settled) {
    const std::string& user_id = one.item.user_id;
    WaitForCommit(user_id, &lock);
    if (one.generation != generation.load()) {
      BacklogItem again = one.item;
      again.base = {};
      backlog_->Retry(again, false);
      continue;
    }
    if (!backlog_->Applied(one.item, one.checksum, waiting)) continue;
    if (const absl::Status status = journal_->Unmark(user_id); !status.ok()) {
      LogWarn("a profile that Redis has stays marked in the journal", {{"error", status.ToString()}});
    }
    if (one.generation != generation.load()) {
      // All may have been marked before this mark went, so that nothing but the backlog would bring it back.
      if (const absl::Status status = journal_->Put(*one.item.profile, true); !status.ok()) {
        LogWarn("a profile that Redis may have lost cannot be marked", {{"error", status.ToString()}});
      }
      backlog_->Add(user_id, one.item.profile, {}, BacklogClass::kReplay);
      continue;
    }
    near_->Unpin(user_id, {one.item.profile, one.checksum}, now);
  }
}

void ProfileLedger::WaitForCommit(std::string_view user_id, std::unique_lock<std::mutex>* lock) {
  committed_.wait(*lock, [&] { return committing_.empty() || !committing_.contains(std::string(user_id)); });
}

}  // namespace kindred
