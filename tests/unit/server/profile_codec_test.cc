#include "server/profile_codec.h"

#include <gtest/gtest.h>

#include <span>

#include "core/base/checksum.h"

namespace kindred {
namespace {

Profile Sample() {
  Profile profile;
  profile.user_id = "u1";
  profile.version = 3;
  profile.updated_ms = 1700000000123;
  profile.events = {{"a", "view", 5, 1.0}, {"b", "", 6, 0.25}, {"c", "", 4, 2.0, 1}};
  profile.update_ids = {"x", "y"};
  return profile;
}

std::string Encode(const Profile& profile) {
  ProfileCodecScratch scratch;
  std::string value = "left over";
  EncodeProfile(profile, &scratch, &value);
  return value;
}

TEST(ProfileCodec, RoundTrips) {
  ProfileCodecScratch scratch;
  Profile decoded;
  ASSERT_TRUE(DecodeProfile("u1", Encode(Sample()), &scratch, &decoded));
  EXPECT_EQ(decoded, Sample());
  // Into a profile that held something else.
  ASSERT_TRUE(DecodeProfile("u1", Encode(Sample()), &scratch, &decoded));
  EXPECT_EQ(decoded, Sample());
}

// KPR1, size, checksum and record as written before events had steps.
TEST(ProfileCodec, AnOldRecordIsOfStepZero) {
  std::string record = "\n\x02u1\x10\x03\x18\x07";  // user id, version, time
  std::string event =
      "\n\x01"
      "a\x12\x04view\x18\x05!";  // item, action, time; weight:
  event += std::string("\0\0\0\0\0\0\xf0?", 8);
  record += "\"" + std::string(1, static_cast<char>(event.size())) + event;
  std::string hashed = std::string("\2\0\0\0", 4) + "u1" + record;
  uint64_t checksum = Xxh3(std::as_bytes(std::span(hashed)));
  std::string value = "KPR1" + std::string(1, static_cast<char>(record.size())) + std::string(3, '\0');
  for (int i = 0; i < 8; ++i, checksum >>= 8) value.push_back(static_cast<char>(checksum));
  ProfileCodecScratch scratch;
  Profile decoded;
  ASSERT_TRUE(DecodeProfile("u1", value + record, &scratch, &decoded));
  EXPECT_EQ(decoded.events, (std::vector<Event>{{"a", "view", 5, 1.0, 0}}));
}

TEST(ProfileCodec, EveryFlippedBitIsFound) {
  const std::string value = Encode(Sample());
  ProfileCodecScratch scratch;
  for (size_t byte = 0; byte < value.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = value;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      Profile decoded = Sample();
      EXPECT_FALSE(DecodeProfile("u1", damaged, &scratch, &decoded)) << byte << ":" << bit;
      EXPECT_EQ(decoded, Profile());
    }
  }
}

TEST(ProfileCodec, EveryCutIsFound) {
  const std::string value = Encode(Sample());
  ProfileCodecScratch scratch;
  Profile decoded;
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(DecodeProfile("u1", value.substr(0, size), &scratch, &decoded)) << size;
  }
  EXPECT_FALSE(DecodeProfile("u1", value + "x", &scratch, &decoded));
}

TEST(ProfileCodec, AnotherUsersProfileIsRefused) {
  ProfileCodecScratch scratch;
  Profile decoded;
  EXPECT_FALSE(DecodeProfile("u2", Encode(Sample()), &scratch, &decoded));
  EXPECT_FALSE(DecodeProfile("", Encode(Sample()), &scratch, &decoded));
  EXPECT_EQ(decoded, Profile());
}

}  // namespace
}  // namespace kindred
