#include "server/profiles/redis_profile_store.h"

#include <algorithm>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>

#include "core/profile/merge.h"
#include "server/profiles/redis_scan.h"

namespace kindred {
namespace {

constexpr std::chrono::milliseconds kDrainPoll(2);

}  // namespace

RedisProfileStore::RedisProfileStore(redis::Client* client, std::unique_ptr<ProfileJournal> journal,
                                     RedisStoreOptions options)
    : client_(client),
      options_(std::move(options)),
      journal_(std::move(journal)),
      near_({options_.near_ttl, options_.negative_ttl, options_.near_bytes}),
      backlog_(&stats_, BacklogGroups(!options_.scan, options_.key_prefix)),
      ledger_(journal_.get(), &near_, &backlog_, &options_, &stats_),
      applier_(client_, &ledger_, &backlog_, &options_, &stats_),
      reads_(client_, &ledger_, &applier_, &near_, &options_, &stats_),
      upkeep_(client_, journal_.get(), &ledger_, &backlog_, &applier_, &options_, &stats_) {}

RedisProfileStore::~RedisProfileStore() = default;

absl::StatusOr<bool> RedisProfileStore::Get(std::string_view user_id, Profile* profile) {
  return reads_.Get(user_id, profile);
}

bool RedisProfileStore::Fetch(std::string_view user_id, const FetchOptions& options, FetchedProfile* out,
                              const std::function<void()>& done) {
  return reads_.Fetch(user_id, options, out, done);
}

absl::Status RedisProfileStore::Commit(std::span<const Profile* const> profiles) {
  absl::Status status = ledger_.Commit(profiles);
  if (status.ok()) applier_.Wake();
  return status;
}

void RedisProfileStore::AwaitShared(std::string_view user_id, std::chrono::steady_clock::time_point deadline,
                                    std::function<void(bool)> done) {
  // Right after a start, the last process's may be waiting for their turn.
  if (upkeep_.replaying() && !backlog_.Contains(user_id)) ledger_.Replay(user_id);
  if (!backlog_.Await(user_id, deadline, &done)) return done(true);
  applier_.Wake();
}

absl::Status RedisProfileStore::ForEach(const std::function<bool(const Profile&)>& visit) {
  return ForEachWhile([] { return true; }, visit);
}

absl::Status RedisProfileStore::ForEachWhile(const std::function<bool()>& go_on,
                                             const std::function<bool(const Profile&)>& visit) {
  std::unordered_set<std::string> seen;
  bool wanted = true;
  if (options_.scan) {
    absl::Status scanned = ScanProfiles(client_, options_.key_prefix, go_on, [&](Profile& profile) {
      if (!seen.insert(profile.user_id).second) return true;
      const absl::StatusOr<SharedProfile> known = ledger_.Recall(profile.user_id);
      if (known.ok() && *known != nullptr) MergeProfile(**known, options_.limits, &profile);
      return wanted = profile.version == 0 || visit(profile);
    });
    if (!scanned.ok() || !wanted || !go_on()) return scanned;
  }
  return journal_->ForEach([&](const Profile& profile) {
    return go_on() && (profile.version == 0 || seen.contains(profile.user_id) || visit(profile));
  });
}

bool RedisProfileStore::Drain(std::chrono::steady_clock::time_point deadline) {
  while (backlog_.size() > 0 || upkeep_.replaying()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kDrainPoll);
  }
  return true;
}

ProfileStoreCounts RedisProfileStore::counts() const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  ProfileStoreCounts counts;
  counts.hits = stats_.near_hits.load(kRelaxed) + stats_.overlay_hits.load(kRelaxed) + stats_.read_hits.load(kRelaxed);
  counts.misses = stats_.negative_hits.load(kRelaxed) + stats_.read_misses.load(kRelaxed);
  counts.corrupt = stats_.corrupt_total();
  counts.errors = stats_.degraded.load(kRelaxed);
  return counts;
}

}  // namespace kindred
