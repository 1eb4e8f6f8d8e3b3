// The merge of a profile that was just committed here with one that this server had not seen when it did so, where one
// of them is of a deletion that the other knows nothing of. Pure functions.
#pragma once

#include "core/profile/profile.h"

namespace kindred {

// As MergeProfile, of a commit that no other server has seen, except:
//   A deletion deletes what is in `other` too, unless that was deleted after it: its epoch becomes the higher one. What
//   was
//     begun anew at its own epoch, and holds nothing from before it, had seen it, and stays.
//   An update that came after a deletion elsewhere is not lost with the rest: of `into` the events stay that happened
//     after the deletion, or, where that time is not known any more, after all that was deleted.
// Returns whether `into` changed.
bool MergeUnseen(const Profile& other, const ProfileLimits& limits, Profile* into);

}  // namespace kindred
