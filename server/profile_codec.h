// A profile as a value in a store, on disk and in Redis: a header, then a kindred.v1.PackedProfile. Integers are
// little-endian.
//
//   offset 0  magic "KPR"
//          3  format, '2'
//          4  u32 size of the message in bytes
//          8  u64 XXH3 of everything from offset 16: two values of equal checksums are equal, which compare-and-set
//          uses
//         16  u64 version of the profile
//         24  u64 XXH3 of the user id, by which a value under another user's key, or a crossed reply, is known
//         32  the message
//
// Format '1', which earlier servers wrote on disk, is still read: magic "KPR1", u32 size, u64 XXH3 over user id length
// (u32), user id and record, then a ProfileRecord. Pure functions; `scratch` is per thread and keeps its capacity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/profile/profile.h"
#include "kindred/v1/packed_profile.pb.h"
#include "kindred/v1/profile_record.pb.h"

namespace kindred {

// Where the checksum is, in every format.
inline constexpr size_t kValueChecksumOffset = 8;
inline constexpr size_t kValueChecksumBytes = 8;
inline constexpr size_t kValueHeaderBytes = 32;
// The most that a value takes where it is sent over the network for every request.
inline constexpr size_t kMaxSharedValueBytes = 8u << 10;

struct ProfileCodecScratch {
  v1::ProfileRecord record;
  v1::PackedProfile packed;
  std::string hashed;
};

// Why bytes are no value of a user.
enum class ValueFault : uint8_t {
  kNone,
  kForeign,  // of another program, or of a format that this server does not know
  kDamaged,  // of a wrong length or checksum, or what it holds cannot be
  kCrossed,  // undamaged, but of another user
};

// A profile as its message, and back; nothing is checked.
void WriteRecord(const Profile& profile, v1::ProfileRecord* record);
void ReadRecord(const v1::ProfileRecord& record, Profile* profile);

// Replaces `value` with the bytes of `profile`, which may be one of version 0 and an epoch. Where they would be more
// than `max_bytes`, the oldest events of the smallest step are left out until they are not, and when none is left the
// oldest update ids; what remains, of at most 64 bytes and the user id, is written in any case. Returns whether all is
// in it. REQUIRES: what is in `profile` is within the limits of the API, its events in order.
bool EncodeProfile(const Profile& profile, ProfileCodecScratch* scratch, std::string* value,
                   size_t max_bytes = SIZE_MAX);

// What is wrong with `value` as one of `user_id`'s; `profile` is what it holds, empty unless that is kNone.
ValueFault ReadProfileValue(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch,
                            Profile* profile);

// The same without the reason: false, and an empty `profile`, when `value` is not an undamaged profile of `user_id`. A
// profile of version 0 and an epoch is one that was deleted.
bool DecodeProfile(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch, Profile* profile);

}  // namespace kindred
