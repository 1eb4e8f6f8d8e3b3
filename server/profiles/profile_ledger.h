// Keeps in step what this server has of its users' profiles: the journal, which outlives it; the near cache, which
// readers see; and the backlog, from which Redis is written. Thread-safe: the writer commits, the applier merges and
// settles. A commit waits for the disk without keeping the others waiting, but for those of the same user.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/profile_journal.h"
#include "server/profiles/near_cache.h"
#include "server/profiles/profile_backlog.h"
#include "server/profiles/redis_store_options.h"
#include "server/profiles/redis_store_stats.h"

namespace kindred {

class ProfileLedger {
 public:
  // A profile that Redis has taken, as the value `checksum`.
  struct Settled {
    BacklogItem item;
    uint64_t checksum = 0;
    uint64_t generation = 0;  // of the server that took it
  };

  // All must outlive this.
  ProfileLedger(ProfileJournal* journal, NearCache* near, ProfileBacklog* backlog, const RedisStoreOptions* options,
                RedisStoreStats* stats);

  // As ProfileStore::Commit. A deletion raises the epoch above every one known, unless it does so already. UNAVAILABLE,
  // saying how many wait and since when, where max_backlog would be exceeded.
  absl::Status Commit(std::span<const Profile* const> profiles);

  // The journal's profile of a user, unless it is older than Redis would keep it; null when there is none.
  absl::StatusOr<SharedProfile> Recall(std::string_view user_id);

  // Redis has lost the profile of a user, or part of it; `found` (may be null) is what is known beside the journal. It
  // is written anew, and what the user's readers see until then. Nothing happens when it waits already or too many do.
  void Restore(std::string_view user_id, const SharedProfile& found);
  // Redis may have lost it: what the journal has is written anew. Readers go on asking Redis, which may have more.
  void Replay(std::string_view user_id);

  // Merges what is in Redis into the profile of *item, which the caller holds, and everywhere. True: nothing is left to
  // be written, Redis has it all as current.checksum.
  bool Merge(BacklogItem* item, const KnownValue& current);

  // Redis has them: marks, pins and entries go, but of those that have changed. Who waited is put into *waiting. What
  // was taken by a server before that of `generation`, which may grow meanwhile, is written again.
  void Settle(std::span<const Settled> settled, const std::atomic<uint64_t>& generation,
              std::vector<ProfileBacklog::Shared>* waiting);

 private:
  // Makes *profile what is to be committed, given what is known. With mutex_ held.
  absl::Status Reconcile(Profile* profile);
  bool IsTooOld(const Profile& profile) const;
  absl::Status Refuse();
  void WaitForCommit(std::string_view user_id, std::unique_lock<std::mutex>* lock);

  ProfileJournal* const journal_;
  NearCache* const near_;
  ProfileBacklog* const backlog_;
  const RedisStoreOptions* const options_;
  RedisStoreStats* const stats_;
  std::mutex mutex_;  // what the three say of a user changes under it
  std::condition_variable committed_;
  // Of the commit that waits for the disk: nobody else may change them. Guarded by mutex_.
  std::unordered_set<std::string> committing_;
};

}  // namespace kindred
