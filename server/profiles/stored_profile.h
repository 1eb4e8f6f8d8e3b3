// A profile as a value in Redis: server/profile_codec.h within limits, and what the scripts know of it. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/profile_codec.h"
#include "server/profiles/redis_store_stats.h"

namespace kindred {

// Larger values are refused, whatever they are, and never read whole. Twice what is written, so that another release
// may write more.
inline constexpr size_t kMaxStoredBytes = 2 * kMaxSharedValueBytes;
// What identifies a value to the scripts, up to the end of its checksum.
inline constexpr size_t kStoredHeaderBytes = kValueChecksumOffset + kValueChecksumBytes;

// The bytes of the checksum, as the scripts compare them; fewer of a value that is too short.
std::string_view ChecksumBytes(std::string_view value);
// The same as a number; 0 of a value that is too short.
uint64_t ChecksumOf(std::string_view value);
// And back; of 0: empty.
std::string ChecksumText(uint64_t checksum);

// Replaces `value` with the bytes of `profile`, without the oldest events where it would be too large.
void EncodeStored(const Profile& profile, ProfileCodecScratch* scratch, std::string* value);

// Reads a value of `user_id`. False, and an empty `profile`, when it is none; then *why says what it is.
bool DecodeStored(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch, Profile* profile,
                  Corruption* why);

}  // namespace kindred
