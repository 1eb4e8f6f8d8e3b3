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
  // Which update brought it: a hash, the same wherever that update is applied. 0: not known.
  uint32_t origin = 0;

  friend bool operator==(const Event&, const Event&) = default;
};

// Bounds of one stored profile.
struct ProfileLimits {
  uint32_t max_events = 256;      // the most recent are kept
  uint32_t max_update_ids = 64;   // remembered for de-duplication
  uint32_t max_blend_steps = 16;  // distinct steps; beyond it the two oldest become one. 0 is as 1
};

struct Profile {
  std::string user_id;
  uint64_t version = 0;                 // number of updates applied; 0 = no profile
  int64_t updated_ms = 0;               // time of the last update, server clock
  std::vector<Event> events;            // ascending (blend_step, time_ms), at most max_events
  std::vector<std::string> update_ids;  // oldest first, at most max_update_ids
  // How often it was deleted, as far as is known. With version 0 this is all that is left of a deleted profile.
  uint64_t epoch = 0;

  friend bool operator==(const Profile&, const Profile&) = default;
};

// How new events join a history.
enum class UpdateMode : uint8_t {
  kHistory,  // as events of the newest step
  kBlend,    // as a step of their own, after all others
};

struct ProfileUpdate {
  std::string user_id;
  std::string update_id;  // idempotency key; empty = never a duplicate
  std::vector<Event> events;
  int64_t now_ms = 0;
  UpdateMode mode = UpdateMode::kHistory;
  uint32_t origin = 0;  // of its events
};

// Applies `update` to `profile` (whose user_id it sets when new): appends the events to their step, keeps each step in
// time order (stable), drops the oldest of the smallest step beyond the limits, renumbers the steps from 0 without
// gaps, counts the version up. Returns false, changing nothing, when update_id is already known, or forgotten but one
// of the events is there with the update's origin. O(events · log events).
bool ApplyUpdate(const ProfileUpdate& update, const ProfileLimits& limits, Profile* profile);

}  // namespace kindred
