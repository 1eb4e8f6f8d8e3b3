// Applies profile updates, deletions and merges on one thread, in the order of their submission, many to a disk sync:
// what waits when a commit ends goes into the next one together, and each is acknowledged only when it is durable. A
// reader sees it by then.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "core/profile/profile.h"
#include "server/profile_store.h"

namespace kindred {

struct ProfileWriterOptions {
  uint32_t max_queued = 4096;
  uint32_t max_commit = 512;
  ProfileLimits limits;
};

// What became of an update, a deletion or a merge.
struct UpdateOutcome {
  absl::Status status;
  uint64_t profile_version = 0;  // with this update in it; 0 after a deletion
  bool duplicate = false;        // known already: nothing changed
  bool existed = false;          // there was a profile before it
  // The user's profile as it is now, after everything that was committed with this update; of version 0 when it was
  // deleted. Null without success. Good during the callback only.
  const Profile* profile = nullptr;
};

// Upper bounds of the buckets of commit times (seconds) and sizes (updates).
inline constexpr std::array<double, 10> kCommitSecondsBounds = {.0001, .00025, .0005, .001, .0025,
                                                                .005,  .01,    .05,   .25,  1};
inline constexpr std::array<double, 8> kCommitUpdatesBounds = {1, 2, 4, 8, 16, 64, 256, 1024};

// What the writer has done. Written by its thread only, but for what is shed.
struct ProfileWriterCounts {
  std::atomic<uint64_t> applied{0}, duplicates{0}, failed{0}, shed{0}, queued{0};
  std::atomic<uint64_t> deleted{0}, absent{0}, delete_failed{0}, delete_shed{0};        // deletions; absent: of nothing
  std::atomic<uint64_t> merged{0}, unchanged{0}, merge_failed{0}, merge_shed{0};        // merges, but for trials
  std::array<std::atomic<uint64_t>, kCommitSecondsBounds.size() + 1> commit_seconds{};  // commits per bucket
  std::array<std::atomic<uint64_t>, kCommitUpdatesBounds.size() + 1> commit_updates{};
  std::atomic<uint64_t> commit_ns{0}, committed_updates{0};
};

class ProfileWriter {
 public:
  using Done = std::function<void(const UpdateOutcome&)>;

  // `store` must outlive this, and nobody else may commit to it.
  ProfileWriter(ProfileStore* store, ProfileWriterOptions options);
  // Stops.
  ~ProfileWriter();

  // Queues an update. `done` is called once, on the writer's thread, and must not block; or never, when this returns
  // an error: RESOURCE_EXHAUSTED when the queue is full, UNAVAILABLE after Stop. Thread-safe. `known`: a copy of the
  // user's profile as it is known elsewhere, which joins what is stored here before the update is applied; see
  // MergeProfile. update.origin is set here.
  absl::Status Submit(ProfileUpdate update, Done done, Profile known = {});

  // Queues the deletion of all that is stored of a user, as Submit does an update. The next update begins a profile of
  // version 1, and one that was applied before the deletion counts again: its update_id went with the rest. A store
  // that others share keeps that there was a deletion, as Profile::epoch.
  absl::Status SubmitDeletion(std::string user_id, Done done, Profile known = {});

  // Queues the merge of another copy of a user's profile (core/profile/merge.h) into the stored one, as Submit does an
  // update. A `trial` says what would become of it and changes nothing. REQUIRES: a profile within the limits.
  absl::Status SubmitMerge(Profile profile, bool trial, Done done, Profile known = {});

  // Commits and acknowledges what is queued, then ends the thread.
  void Stop();

  const ProfileWriterCounts& counts() const { return counts_; }

 private:
  enum class Kind : uint8_t { kUpdate, kDeletion, kMerge, kTrial };
  struct Pending {
    ProfileUpdate update;  // of what is no update only the user_id
    Done done;
    Kind kind = Kind::kUpdate;
    Profile known{};  // elsewhere
    Profile other{};  // to merge
  };

  absl::Status Queue(Pending pending);
  void Run();
  void Commit(std::vector<Pending>* group);
  // Makes `profile` what it is with `pending` in it; returns whether that has to be committed.
  bool Apply(Pending* pending, Profile* profile, UpdateOutcome* outcome);
  // A hash of the update's id, the same at every server; a random number without one. Never 0.
  uint32_t OriginOf(const ProfileUpdate& update);
  void Count(const Pending& pending, const UpdateOutcome& outcome);

  ProfileStore* const store_;
  const ProfileWriterOptions options_;
  ProfileWriterCounts counts_;
  std::mt19937 random_;  // of the thread
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Pending> queue_;  // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_
  std::thread thread_;
};

}  // namespace kindred
