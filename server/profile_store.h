// Where profiles live. Thread-safe: any thread reads; one thread (the profile writer's) commits.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/profile/profile.h"

namespace kindred {

// What an acknowledged commit survives.
enum class StoreDurability : uint8_t {
  kMemory,   // nothing: lost with the process
  kJournal,  // a crash of the process or the machine
  kRedis,    // the loss of this machine: Redis has it too
};

// What reads met since the store was opened.
struct ProfileStoreCounts {
  uint64_t hits = 0;
  uint64_t misses = 0;   // nobody by that id
  uint64_t corrupt = 0;  // a value that failed its checks: answered as a miss
  uint64_t errors = 0;   // the store could not be read
};

// Makes `profile` that of nobody, keeping its capacity.
inline void ClearProfile(Profile* profile) {
  profile->user_id.clear();
  profile->version = 0;
  profile->updated_ms = 0;
  profile->events.clear();
  profile->update_ids.clear();
  profile->epoch = 0;
}

// What a read found.
struct FetchedProfile {
  // Of version 0: there is none. With an error, or `stale`, the last that this server knows.
  Profile profile;
  // UNAVAILABLE: the store could not be read.
  absl::Status status;
  // The version asked for is not there, although the store was asked.
  bool stale = false;
};

struct FetchOptions {
  // A profile of a lower version is looked for where it is shared, not only in caches.
  uint64_t min_version = 0;
  // When the answer of the call is due; the store takes a share of what is left.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

class ProfileStore {
 public:
  virtual ~ProfileStore() = default;

  virtual std::string_view name() const = 0;  // "memory", "embedded"
  virtual StoreDurability durability() const = 0;

  // Reads a user's profile into `profile`, whose capacity is reused; false, and an empty profile, when there is none.
  // Sees every commit that returned. A damaged value is none: counted, and never another user's profile. UNAVAILABLE
  // when the store cannot be read.
  virtual absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) = 0;

  // True where a read may have to ask another machine: then handlers Fetch, and wait without a thread.
  virtual bool remote() const { return false; }

  // Reads a user's profile into `out` without waiting for anybody. True: it is there. False: it will be; `done` is then
  // called exactly once, from another thread and within the store's time budget, when it is. `out` must live until
  // then. `user_id` may go when this returns.
  virtual bool Fetch(std::string_view user_id, const FetchOptions& options, FetchedProfile* out,
                     const std::function<void()>& done) {
    const absl::StatusOr<bool> found = Get(user_id, &out->profile);
    out->status = found.status();
    out->stale = out->profile.version < options.min_version;
    return true;
  }

  // Calls `done` once, now or later and from any thread, with whether the user's profile as it was committed last has
  // reached the store that all servers share. Where there is none, that is so at once.
  virtual void AwaitShared(std::string_view user_id, std::chrono::steady_clock::time_point deadline,
                           std::function<void(bool)> done) {
    done(true);
  }

  // Calls `visit` with one profile after another, in no order, each once or, if it changes meanwhile, possibly again;
  // ends early when that returns false. Blocks; for tools and tests, never on a thread that answers calls.
  virtual absl::Status ForEach(const std::function<bool(const Profile&)>& visit) {
    return absl::UnimplementedError("this profile store cannot be listed");
  }

  // As ForEach, and ends early too when `go_on`, which is asked at least every some ten milliseconds, returns false,
  // also while the store is waited for.
  virtual absl::Status ForEachWhile(const std::function<bool()>& go_on,
                                    const std::function<bool(const Profile&)>& visit) {
    return ForEach([&](const Profile& profile) { return go_on() && visit(profile); });
  }

  // Stores all of `profiles`, each in place of its user's last one, or none of them; a profile of version 0 deletes
  // what is stored of its user, if anything. Returns when that is as durable as durability() says. UNAVAILABLE when the
  // store takes no writes; the next call tries anew.
  virtual absl::Status Commit(std::span<const Profile* const> profiles) = 0;

  virtual ProfileStoreCounts counts() const = 0;
};

}  // namespace kindred
