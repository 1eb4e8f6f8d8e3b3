// The merge of two copies of one user's profile that were changed apart. Plain functions; see
// docs/decisions/0005-profiles-in-redis.md for why it is shaped as it is.
#pragma once

#include "core/profile/profile.h"

namespace kindred {

// Makes `into` what both copies say. Of unequal epochs the higher one is taken whole. Otherwise events are united: each
// (origin, item, action, time, weight) as often as the copy that has it more often; then the limits hold as after
// ApplyUpdate. Update ids are united, the latest of both kept. The version is the larger, and one more where the result
// is neither copy. Returns whether `into` changed. Commutative in content, idempotent. O(events · log events).
bool MergeProfile(const Profile& other, const ProfileLimits& limits, Profile* into);

}  // namespace kindred
