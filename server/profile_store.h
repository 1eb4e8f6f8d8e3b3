// Where profiles live. Thread-safe: any thread reads; one thread (the profile writer's) commits.
#pragma once

#include <cstdint>
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
}

class ProfileStore {
 public:
  virtual ~ProfileStore() = default;

  virtual std::string_view name() const = 0;  // "memory", "embedded"
  virtual StoreDurability durability() const = 0;

  // Reads a user's profile into `profile`, whose capacity is reused; false, and an empty profile, when there is none.
  // Sees every commit that returned. A damaged value is none: counted, and never another user's profile. UNAVAILABLE
  // when the store cannot be read.
  virtual absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) = 0;

  // Stores all of `profiles`, each in place of its user's last one, or none of them; a profile of version 0 deletes
  // what is stored of its user, if anything. Returns when that is as durable as durability() says. UNAVAILABLE when the
  // store takes no writes; the next call tries anew.
  virtual absl::Status Commit(std::span<const Profile* const> profiles) = 0;

  virtual ProfileStoreCounts counts() const = 0;
};

}  // namespace kindred
