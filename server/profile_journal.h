// What this server knows of its users' profiles, on its own disk (profile_database.h): everything that was acknowledged
// here, and of whom the store that all servers share lacks something. The latter outlives a restart as a mark. Keys:
// "p" and user id, the profile (profile_codec.h; a deleted one too, of version 0 and an epoch); "m" and user id, a
// mark.
//
// Thread-safe. Whoever changes one user's profile from several threads says in which order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/profile/profile.h"
#include "server/profile_database.h"

namespace kindred {

struct ProfileJournalCounts {
  uint64_t corrupt = 0;        // values met that failed their checks
  uint64_t errors = 0;         // reads that failed
  uint64_t sync_failures = 0;  // commits that the disk did not take
  uint64_t bytes = 0;          // on the disk and in memory, about
};

class ProfileJournal {
 public:
  // As ProfileDatabase::Open.
  static absl::StatusOr<std::unique_ptr<ProfileJournal>> Open(const std::string& dir, uint64_t block_cache_bytes,
                                                              rocksdb::Env* env = nullptr);

  // The last known profile of a user. False when there is none, and then `profile` is that of nobody, or of version 0
  // with the epoch of its deletion. A damaged value is none, and counted; the next write repairs it. UNAVAILABLE when
  // the journal cannot be read.
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile);

  // Stores all of `profiles`, each with a mark, or none of them. With `sync` they are on the disk when this returns,
  // all by one sync; without, they survive a crash of the process only. UNAVAILABLE when the disk takes no writes: then
  // nothing may be acknowledged, though a crash may yet bring some of it to light. The next call tries anew.
  absl::Status Commit(std::span<const Profile* const> profiles, bool sync);

  // Stores what was learned elsewhere, not synced. With `mark`, the shared store lacks something of it; without, a mark
  // that is there stays.
  absl::Status Put(const Profile& profile, bool mark);

  // The shared store has all of the user's profile: takes the mark away. Not synced; one that comes back costs a write.
  // The caller makes sure that the profile has not changed since.
  absl::Status Unmark(std::string_view user_id);

  // Calls `visit` for one user after another, in no order, until it returns false. Each as it is when its turn comes;
  // the journal may be used meanwhile. O(profiles visited).
  //   ForEachMarked: those with a mark; a profile that is lost or damaged comes as one of version 0 without an epoch.
  //   ForEach: all, those deleted too.
  absl::Status ForEachMarked(const std::function<bool(const Profile&)>& visit);
  absl::Status ForEach(const std::function<bool(const Profile&)>& visit);

  // Marks every profile that was updated or deleted at `since_ms` or later; the marks are on the disk when this
  // returns. O(profiles).
  absl::Status MarkAll(int64_t since_ms);

  // Forgets profiles without a mark that were updated last before `profiles_before_ms`, deletions from before
  // `deletions_before_ms`, and damaged values; returns how many. In small steps, so that commits hardly wait.
  absl::StatusOr<uint64_t> Sweep(int64_t profiles_before_ms, int64_t deletions_before_ms);

  ProfileJournalCounts counts() const;

 private:
  // What came of reading a value.
  enum class Found : uint8_t { kNothing, kDamaged, kProfile };

  explicit ProfileJournal(std::unique_ptr<ProfileDatabase> database);
  absl::StatusOr<Found> Read(std::string_view user_id, Profile* profile);
  Found Decode(std::string_view user_id, std::string_view value, Profile* profile);
  // One step of Sweep: of `users`, those whose time has come.
  absl::StatusOr<uint64_t> Forget(std::span<const std::string> users, int64_t profiles_before_ms,
                                  int64_t deletions_before_ms);

  const std::unique_ptr<ProfileDatabase> database_;
  // Held while profiles are written, so that Sweep forgets none that was written since it looked.
  std::mutex mutex_;
  std::atomic<uint64_t> corrupt_{0}, errors_{0};
};

}  // namespace kindred
