#include "server/profile_codec.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

Profile Sample() {
  Profile profile;
  profile.user_id = "u1";
  profile.version = 3;
  profile.updated_ms = 1700000000123;
  profile.events = {{"a", "view", 5, 1.0}, {"b", "", 6, 0.25}};
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
