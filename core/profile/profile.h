// A user's profile: the bounded recent event history, which is the truth; every vector is derived from it. Plain data,
// no I/O. Not thread-safe; a store serializes access per user.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace kindred {

// Something a user did with an item.
struct Event {
  std::string item_id;
  std::string action;   // "view", "purchase", …; may be empty
  int64_t time_ms = 0;  // since the Unix epoch, UTC
  double weight = 1.0;  // > 0, finite
  // Updates by blending (requirement E4) that came before: the vector of step s + 1 is 0.7 of that of step s and 0.3 of
  // its own events'. Ascending within a profile, from 0.
  uint32_t blend_step = 0;

  friend bool operator==(const Event&, const Event&) = default;
};

// Bounds of one stored profile.
struct ProfileLimits {
  uint32_t max_events = 256;     // the most recent are kept
  uint32_t max_update_ids = 64;  // remembered for de-duplication
};

struct Profile {
  std::string user_id;
  uint64_t version = 0;                 // number of updates applied; 0 = no profile
  int64_t updated_ms = 0;               // time of the last update, server clock
  std::vector<Event> events;            // ascending time, at most max_events
  std::vector<std::string> update_ids;  // oldest first, at most max_update_ids

  friend bool operator==(const Profile&, const Profile&) = default;
};

struct ProfileUpdate {
  std::string user_id;
  std::string update_id;  // idempotency key; empty = never a duplicate
  std::vector<Event> events;
  int64_t now_ms = 0;
};

// Applies `update` to `profile` (whose user_id it sets when new): appends the events, keeps them in time order
// (stable), drops the oldest beyond the limits, counts the version up. Returns false, changing nothing, when update_id
// is already known. O(events · log events).
bool ApplyUpdate(const ProfileUpdate& update, const ProfileLimits& limits, Profile* profile);

}  // namespace kindred
