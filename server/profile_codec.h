// A profile as bytes in a store: a header, then a kindred.v1.ProfileRecord.
//
//   offset 0  magic "KPR1"
//          4  u32 size of the record in bytes, little-endian
//          8  u64 XXH3 over user id length (u32), user id and record, little-endian
//         16  the record
//
// The user id is under the checksum, so a value that ended up under another user's key is refused like a damaged one.
// Pure functions; `scratch` is per thread and keeps its capacity.
#pragma once

#include <string>
#include <string_view>

#include "core/profile/profile.h"
#include "kindred/v1/profile_record.pb.h"

namespace kindred {

struct ProfileCodecScratch {
  v1::ProfileRecord record;
  std::string hashed;
};

// A profile as its message, and back; nothing is checked.
void WriteRecord(const Profile& profile, v1::ProfileRecord* record);
void ReadRecord(const v1::ProfileRecord& record, Profile* profile);

// Replaces `value` with the bytes of `profile`.
void EncodeProfile(const Profile& profile, ProfileCodecScratch* scratch, std::string* value);

// False, and an empty `profile`, when `value` is not an undamaged profile of `user_id`.
bool DecodeProfile(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch, Profile* profile);

}  // namespace kindred
