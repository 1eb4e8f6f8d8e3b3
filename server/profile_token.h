// A profile as a caller carries it (Subject.profile_token), so that its updates count even where no store can be read:
//
//   offset 0  magic "KPT"
//          3  u8 format, 1
//          4  a kindred.v1.ProfileRecord without update_ids, epoch and origins
//     last 8  u64 XXH3 of everything before, little-endian
//
// The checksum finds damage; it is no signature. Whoever may call may name any user and bring any events, so a token
// says nothing that its caller could not say otherwise; it is used for the request that brings it and never stored.
// Pure functions; `scratch` is per thread and keeps its capacity.
#pragma once

#include <string>
#include <string_view>

#include "core/profile/profile.h"
#include "server/field_checks.h"
#include "server/profile_codec.h"

namespace kindred {

// Replaces `token` with the bytes of `profile`, at most limits::kMaxProfileTokenBytes: of more events than that holds,
// the last ones, their blend steps counted from 0. Empty for a profile of version 0. REQUIRES: what is in `profile` is
// within the limits of the API.
void EncodeProfileToken(const Profile& profile, ProfileCodecScratch* scratch, std::string* token);

// The profile of an untrusted token, checked as a request's fields are. False, an empty `profile`, and what is wrong
// added to *checks under `field`, when it is no token that EncodeProfileToken made.
bool DecodeProfileToken(std::string_view field, std::string_view token, ProfileCodecScratch* scratch, Profile* profile,
                        FieldChecks* checks);

}  // namespace kindred
