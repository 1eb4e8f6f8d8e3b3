#include "server/profiles/stored_profile.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

std::string ValueOf(const std::string& user_id) {
  Profile profile;
  profile.user_id = user_id;
  profile.version = 3;
  profile.events = {{"item", "view", 1, 2.0}};
  ProfileCodecScratch scratch;
  std::string value;
  EncodeStored(profile, &scratch, &value);
  return value;
}

TEST(StoredProfile, ChecksumsStandForValues) {
  const std::string value = ValueOf("u");
  EXPECT_EQ(ChecksumBytes(value).size(), 8u);
  EXPECT_NE(ChecksumOf(value), 0u);
  EXPECT_EQ(ChecksumText(ChecksumOf(value)), ChecksumBytes(value));
  EXPECT_NE(ChecksumOf(value), ChecksumOf(ValueOf("v")));
  EXPECT_EQ(ChecksumText(0), "");
  EXPECT_EQ(ChecksumBytes("short"), "");
  EXPECT_EQ(ChecksumBytes("KPR11234abc"), "abc");
  EXPECT_EQ(ChecksumOf("KPR11234abc"), 0u);
}

Corruption WhatIsWrong(const std::string& user_id, const std::string& value) {
  ProfileCodecScratch scratch;
  Profile profile;
  profile.user_id = "left over";
  Corruption why = Corruption::kTooLarge;
  EXPECT_FALSE(DecodeStored(user_id, value, &scratch, &profile, &why));
  EXPECT_EQ(profile, Profile());
  return why;
}

// Every byte of a value, flipped: refused, and never taken for another user's.
TEST(StoredProfile, SaysWhatIsWrongWithAValue) {
  const std::string value = ValueOf("u");
  ProfileCodecScratch scratch;
  Profile profile;
  Corruption why;
  ASSERT_TRUE(DecodeStored("u", value, &scratch, &profile, &why));
  EXPECT_EQ(profile.version, 3u);
  for (size_t i = 0; i < value.size(); ++i) {
    std::string damaged = value;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_EQ(WhatIsWrong("u", damaged), i < 4 ? Corruption::kMagic : Corruption::kChecksum) << i;
  }
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(WhatIsWrong("u", value.substr(0, size)), size < 4 ? Corruption::kMagic : Corruption::kChecksum) << size;
  }
  EXPECT_EQ(WhatIsWrong("v", value), Corruption::kCrossed);
  EXPECT_EQ(WhatIsWrong("u", "something else"), Corruption::kMagic);
  EXPECT_EQ(WhatIsWrong("u", value + std::string(20'000, 'x')), Corruption::kTooLarge);
}

TEST(StoredProfile, AValueIsWithinItsLimit) {
  Profile profile;
  profile.user_id = std::string(1024, 'u');
  profile.version = 300;
  for (int i = 0; i < 256; ++i) profile.events.push_back({std::string(1000, 'a' + i % 26), "view", i, 1.0});
  ProfileCodecScratch scratch;
  std::string value;
  EncodeStored(profile, &scratch, &value);
  EXPECT_LE(value.size(), kMaxSharedValueBytes);
  Profile stored;
  ASSERT_TRUE(DecodeProfile(profile.user_id, value, &scratch, &stored));
  EXPECT_GE(stored.events.size(), 5u);
  EXPECT_EQ(stored.events.back(), profile.events.back());
}

}  // namespace
}  // namespace kindred
