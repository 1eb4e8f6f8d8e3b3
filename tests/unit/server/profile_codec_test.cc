#include "server/profile_codec.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "server/limits.h"

namespace kindred {
namespace {

Profile Sample() {
  Profile profile;
  profile.user_id = "u1";
  profile.version = 3;
  profile.updated_ms = 1700000000123;
  profile.events = {{"a", "view", 5, 1.0, 0, 7}, {"b", "", 6, 0.25, 0, 0}, {"c", "", 4, 2.0, 1, 9}};
  profile.epoch = 2;
  profile.update_ids = {"x", "y"};
  return profile;
}

std::string Encode(const Profile& profile) {
  ProfileCodecScratch scratch;
  std::string value = "left over";
  EncodeProfile(profile, &scratch, &value);
  return value;
}

ValueFault FaultOf(std::string_view user_id, std::string_view value) {
  ProfileCodecScratch scratch;
  Profile decoded = Sample();
  const ValueFault fault = ReadProfileValue(user_id, value, &scratch, &decoded);
  EXPECT_EQ(DecodeProfile(user_id, value, &scratch, &decoded), fault == ValueFault::kNone);
  if (fault != ValueFault::kNone) {
    EXPECT_EQ(decoded, Profile());
  }
  return fault;
}

// `value` with other contents after its checksum, which is put right.
std::string Reseal(std::string value) {
  std::string fields;
  AppendLittleEndian(static_cast<uint32_t>(value.size() - kValueHeaderBytes), &fields);
  AppendLittleEndian(Xxh3(std::as_bytes(std::span(value).subspan(16))), &fields);
  return value.replace(4, 12, fields);
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

TEST(ProfileCodec, ADeletedProfileRoundTrips) {
  Profile deleted;
  deleted.user_id = "u1";
  deleted.updated_ms = 9;
  deleted.epoch = 3;
  ProfileCodecScratch scratch;
  Profile decoded = Sample();
  ASSERT_TRUE(DecodeProfile("u1", Encode(deleted), &scratch, &decoded));
  EXPECT_EQ(decoded, deleted);
  // Of no epoch it is no profile at all.
  deleted.epoch = 0;
  EXPECT_EQ(FaultOf("u1", Encode(deleted)), ValueFault::kDamaged);
}

// What others rely on who do not decode: scripts in Redis compare the checksum.
TEST(ProfileCodec, TheHeaderIsWhereItIsSaidToBe) {
  const std::string value = Encode(Sample());
  EXPECT_EQ(value.substr(0, 4), "KPR2");
  const std::string_view view = value;
  EXPECT_EQ(ReadLittleEndian<uint32_t>(view.substr(4)), value.size() - 32);
  EXPECT_EQ(ReadLittleEndian<uint64_t>(view.substr(8)), Xxh3(std::as_bytes(std::span(value).subspan(16))));
  EXPECT_EQ(ReadLittleEndian<uint64_t>(view.substr(16)), 3u);
  EXPECT_EQ(ReadLittleEndian<uint64_t>(view.substr(24)), Xxh3(std::as_bytes(std::span("u1", 2))));
  EXPECT_EQ(Encode(Sample()), value);
  Profile other = Sample();
  other.events[0].origin = 1;
  EXPECT_NE(Encode(other).substr(8, 8), value.substr(8, 8));
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

TEST(ProfileCodec, EveryOtherByteIsFound) {
  const std::string value = Encode(Sample());
  for (size_t at = 0; at < value.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = value;
      damaged[at] = static_cast<char>(byte);
      if (damaged == value) continue;
      const ValueFault fault = FaultOf("u1", damaged);
      if (at < 3) {
        ASSERT_EQ(fault, ValueFault::kForeign) << at << ":" << byte;
      } else if (at > 3) {
        ASSERT_EQ(fault, ValueFault::kDamaged) << at << ":" << byte;
      } else {
        ASSERT_NE(fault, ValueFault::kNone) << byte;
      }
    }
  }
}

TEST(ProfileCodec, EveryCutIsFound) {
  const std::string value = Encode(Sample());
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(FaultOf("u1", value.substr(0, size)), size < 4 ? ValueFault::kForeign : ValueFault::kDamaged) << size;
  }
}

TEST(ProfileCodec, AnAppendixIsFound) {
  const std::string value = Encode(Sample());
  for (size_t bytes = 1; bytes < 70; ++bytes) {
    EXPECT_EQ(FaultOf("u1", value + std::string(bytes, '\0')), ValueFault::kDamaged) << bytes;
    EXPECT_EQ(FaultOf("u1", value + value.substr(0, bytes)), ValueFault::kDamaged) << bytes;
  }
}

TEST(ProfileCodec, AnotherUsersProfileIsRefused) {
  for (const char* user : {"u2", "", "u11", "u"}) EXPECT_EQ(FaultOf(user, Encode(Sample())), ValueFault::kCrossed);
  // A header that says so is not enough: what is in it counts.
  std::string value = Encode(Sample());
  Profile other = Sample();
  other.user_id = "u2";
  const std::string others = Encode(other);
  value.replace(24, 8, others.substr(24, 8));
  EXPECT_EQ(FaultOf("u2", Reseal(value)), ValueFault::kCrossed);
}

TEST(ProfileCodec, WhatCannotBeIsRefusedUnderARightChecksum) {
  const std::string value = Encode(Sample());
  ASSERT_EQ(Reseal(value), value);
  EXPECT_EQ(FaultOf("u1", Reseal(value.substr(0, kValueHeaderBytes))), ValueFault::kCrossed);  // of no user
  std::string version = value;
  version[16] = 4;
  EXPECT_EQ(FaultOf("u1", Reseal(version)), ValueFault::kDamaged);
  EXPECT_EQ(FaultOf("u1", Reseal(value.substr(0, value.size() - 1))), ValueFault::kDamaged);
  // Bytes of no meaning: refused, or good in every part.
  auto* const log = google::protobuf::SetLogHandler(nullptr);
  std::mt19937_64 random(3);
  ProfileCodecScratch scratch;
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = value;
    for (uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      changed[kValueHeaderBytes + random() % (value.size() - kValueHeaderBytes)] = static_cast<char>(random());
    }
    Profile decoded;
    if (!DecodeProfile("u1", Reseal(changed), &scratch, &decoded)) continue;
    ++taken;
    EXPECT_EQ(decoded.user_id, "u1");
    Profile again;
    ASSERT_TRUE(DecodeProfile("u1", Encode(decoded), &scratch, &again));
    ASSERT_EQ(again, decoded);
  }
  google::protobuf::SetLogHandler(log);
  EXPECT_GT(taken, 100);
}

TEST(ProfileCodec, OtherBytesAreForeign) {
  for (const char* bytes : {"", "K", "KPR", "KPR3", "KPR0 and more than enough bytes of it", "KPT\x01", "OK"}) {
    EXPECT_EQ(FaultOf("u1", bytes), ValueFault::kForeign) << bytes;
  }
}

// 256 events and 64 update ids, as a busy user has them.
Profile Full() {
  std::mt19937_64 random(5);
  Profile profile;
  profile.user_id = "user-00012345";
  profile.version = 1000;
  profile.updated_ms = 1'700'000'000'000;
  int64_t time_ms = 1'690'000'000'000;
  for (uint32_t i = 0; i < 256; ++i) {
    time_ms += static_cast<int64_t>(random() % 7'200'000);
    profile.events.push_back({"item-00" + std::to_string(100 + i % 900), i % 8 == 0 ? "purchase" : "view", time_ms,
                              i % 8 == 0 ? 3.0 : 1.0, 0, static_cast<uint32_t>(random())});
  }
  for (int i = 0; i < 64; ++i)
    profile.update_ids.push_back("01890a5d-ac96-774b-bcce-b302099a8" + std::to_string(100 + i));
  return profile;
}

TEST(ProfileCodec, AFullProfileFitsIntoASharedValue) {
  ProfileCodecScratch scratch;
  std::string value;
  ASSERT_EQ(Full().events[0].item_id.size(), 10u);
  EXPECT_TRUE(EncodeProfile(Full(), &scratch, &value, kMaxSharedValueBytes)) << Encode(Full()).size();
  Profile decoded;
  ASSERT_TRUE(DecodeProfile(Full().user_id, value, &scratch, &decoded));
  EXPECT_EQ(decoded, Full());
  RecordProperty("value_bytes", static_cast<int>(value.size()));
}

TEST(ProfileCodec, WhatIsTooMuchGoesOldestFirst) {
  Profile profile = Full();
  for (size_t i = 0; i < profile.events.size(); ++i) profile.events[i].blend_step = static_cast<uint32_t>(i / 20);
  ProfileCodecScratch scratch;
  std::string value;
  size_t least_events = 256, least_ids = 64;
  for (size_t max_bytes = 9000; max_bytes > 60; max_bytes -= 7) {
    const bool whole = EncodeProfile(profile, &scratch, &value, max_bytes);
    Profile decoded;
    ASSERT_TRUE(DecodeProfile(profile.user_id, value, &scratch, &decoded)) << max_bytes;
    ASSERT_EQ(whole, decoded == profile);
    ASSERT_LE(value.size(), std::max(max_bytes, 64 + profile.user_id.size()));
    ASSERT_LE(decoded.events.size(), least_events);
    ASSERT_LE(decoded.update_ids.size(), least_ids);
    // No more than must go: the last event takes 53 bytes here with all its columns, others less.
    if (!whole && max_bytes > 150) {
      ASSERT_GT(value.size() + 60, max_bytes);
    }
    if (decoded.update_ids.size() < 64) {
      ASSERT_TRUE(decoded.events.empty());
    }
    least_events = decoded.events.size();
    least_ids = decoded.update_ids.size();
    const size_t dropped = 256 - least_events;
    for (size_t i = 0; i < least_events; ++i) {
      Event expected = profile.events[dropped + i];
      expected.blend_step -= profile.events[dropped].blend_step;
      ASSERT_EQ(decoded.events[i], expected);
    }
    ASSERT_TRUE(std::equal(decoded.update_ids.rbegin(), decoded.update_ids.rend(), profile.update_ids.rbegin()));
    ASSERT_EQ(decoded.version, profile.version);
  }
  EXPECT_EQ(least_events, 0u);
  EXPECT_EQ(least_ids, 0u);
}

TEST(ProfileCodec, TheLargestIdsOfTheApiFitIntoASharedValue) {
  Profile profile = Full();
  profile.user_id = std::string(limits::kMaxIdBytes, 'u');
  for (Event& event : profile.events) event.item_id = std::string(limits::kMaxIdBytes, 'i');
  for (std::string& id : profile.update_ids) id = std::string(limits::kMaxUpdateIdBytes, 'x');
  ProfileCodecScratch scratch;
  std::string value;
  EXPECT_FALSE(EncodeProfile(profile, &scratch, &value, kMaxSharedValueBytes));
  EXPECT_LE(value.size(), kMaxSharedValueBytes);
  Profile decoded;
  ASSERT_TRUE(DecodeProfile(profile.user_id, value, &scratch, &decoded));
  EXPECT_EQ(decoded.events.size(), 2u);
  EXPECT_EQ(decoded.update_ids, profile.update_ids);
}

}  // namespace
}  // namespace kindred
