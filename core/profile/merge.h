// The merge of two copies of one user's profile that were changed apart. Plain functions; see
// docs/decisions/0005-profiles-in-redis.md for why it is shaped as it is.
#pragma once

#include "core/profile/profile.h"

namespace kindred {

// Makes `into` what both copies say, within the limits as after ApplyUpdate. Returns whether `into` changed.
//   Epochs: of unequal ones, the copy of the higher is taken whole.
//   Events: each (origin, item, action, weight) as often as the copy that has it more often. The time is not of it,
//     since an event without a time gets that of the server at each replica where its update is tried; the earlier one
//     stays. Where no origin is known, the time counts.
//   Steps: the copy that dropped its first steps is aligned with the other by the events that both have; then an event
//     is of the lower of its two steps.
//   Order of simultaneous events: that of a copy that has all; otherwise one that does not depend on who merges.
//   Update ids: all, the latest of both kept.
//   Version: the larger, and one more where the result is neither copy.
// Commutative and idempotent; where no limit bites, merging what went into `into` before changes nothing, and events
// and update ids are associative (steps too, unless an update was applied at two replicas in different steps). Where
// limits bite, an older copy that is merged again can cost a version, and bring back update ids that were forgotten.
// REQUIRES: both are as ApplyUpdate and MergeProfile leave profiles. O(events · log events).
bool MergeProfile(const Profile& other, const ProfileLimits& limits, Profile* into);

}  // namespace kindred
