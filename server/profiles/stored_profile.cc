#include "server/profiles/stored_profile.h"

#include "core/base/little_endian.h"
#include "server/profile_store.h"

namespace kindred {

std::string_view ChecksumBytes(std::string_view value) {
  if (value.size() < kValueChecksumOffset) return {};
  return value.substr(kValueChecksumOffset, kValueChecksumBytes);
}

uint64_t ChecksumOf(std::string_view value) {
  const std::string_view bytes = ChecksumBytes(value);
  return bytes.size() < kValueChecksumBytes ? 0 : ReadLittleEndian<uint64_t>(bytes);
}

std::string ChecksumText(uint64_t checksum) {
  std::string text;
  if (checksum != 0) AppendLittleEndian(checksum, &text);
  return text;
}

void EncodeStored(const Profile& profile, ProfileCodecScratch* scratch, std::string* value) {
  EncodeProfile(profile, scratch, value, kMaxSharedValueBytes);
}

bool DecodeStored(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch, Profile* profile,
                  Corruption* why) {
  if (value.size() > kMaxStoredBytes) {
    ClearProfile(profile);
    *why = Corruption::kTooLarge;
    return false;
  }
  switch (ReadProfileValue(user_id, value, scratch, profile)) {
    case ValueFault::kNone:
      return true;
    case ValueFault::kForeign:
      *why = Corruption::kMagic;
      break;
    case ValueFault::kDamaged:
      *why = Corruption::kChecksum;
      break;
    case ValueFault::kCrossed:
      *why = Corruption::kCrossed;
      break;
  }
  return false;
}

}  // namespace kindred
