// A profile as columns, the message inside of a stored value (server/profile_codec.h). Pure functions.
#pragma once

#include <cstddef>

#include "core/profile/profile.h"
#include "kindred/v1/packed_profile.pb.h"

namespace kindred {

// Replaces `packed` with `profile` but its first `skip_events` events and `skip_ids` update ids. The steps of the
// others count from 0 without gaps. REQUIRES: the events are ascending in (blend_step, time_ms). O(events · different
// weights).
void PackProfile(const Profile& profile, size_t skip_events, size_t skip_ids, v1::PackedProfile* packed);

// False, and an empty `profile`, when that is no profile which a server could have made: columns of unequal lengths,
// ids that are empty or too long, weights that are no numbers above 0, events out of order, a version or an epoch above
// 2^53. O(events).
bool UnpackProfile(const v1::PackedProfile& packed, Profile* profile);

}  // namespace kindred
