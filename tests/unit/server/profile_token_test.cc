#include "server/profile_token.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <span>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/limits.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

Profile Sample() {
  Profile profile;
  profile.user_id = "u1";
  profile.version = 3;
  profile.updated_ms = 1700000000123;
  profile.events = {{"a", "view", 5, 1.0, 0}, {"ä", "", 6, 0.25, 0}, {"c", "", 4, 2.0, 1}};
  return profile;
}

std::string Encode(const Profile& profile) {
  ProfileCodecScratch scratch;
  std::string token = "left over";
  EncodeProfileToken(profile, &scratch, &token);
  return token;
}

// The description of what is wrong with `token`, "" when nothing; *profile is what it says.
std::string Fault(std::string_view token, Profile* profile) {
  ProfileCodecScratch scratch;
  FieldChecks checks;
  *profile = Sample();
  const bool good = DecodeProfileToken("subject.profile_token", token, &scratch, profile, &checks);
  EXPECT_EQ(good, checks.ok());
  if (good) return "";
  EXPECT_EQ(*profile, Profile());
  google::rpc::BadRequest bad;
  const absl::Status status = checks.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(bad.ParseFromString(std::string(*status.GetPayload("type.googleapis.com/google.rpc.BadRequest"))));
  EXPECT_EQ(bad.field_violations_size(), 1);
  EXPECT_EQ(bad.field_violations(0).field(), "subject.profile_token");
  return bad.field_violations(0).description();
}

std::string Fault(std::string_view token) {
  Profile profile;
  return Fault(token, &profile);
}

// A token of any bytes with the right frame and checksum: what a caller can make who has read profile_token.h.
std::string Seal(std::string_view record) {
  std::string token = StrCat("KPT\x01", record);
  AppendLittleEndian(Xxh3(std::as_bytes(std::span(token))), &token);
  return token;
}

std::string Forge(const std::function<void(v1::ProfileRecord*)>& change) {
  v1::ProfileRecord record;
  WriteRecord(Sample(), &record);
  change(&record);
  return Seal(record.SerializeAsString());
}

TEST(ProfileToken, RoundTripsWithoutUpdateIds) {
  Profile profile = Sample();
  profile.update_ids = {"x", "y"};
  Profile decoded;
  EXPECT_EQ(Fault(Encode(profile), &decoded), "");
  EXPECT_EQ(decoded, Sample());
  profile.events.clear();
  EXPECT_EQ(Fault(Encode(profile), &decoded), "");
  EXPECT_EQ(decoded.version, 3u);
  EXPECT_TRUE(decoded.events.empty());
  EXPECT_EQ(Encode(Profile()), "");
}

// They serve merging, which nobody does with a token; an event has five bytes more for another.
TEST(ProfileToken, OriginsAndTheEpochStayBehind) {
  Profile profile = Sample();
  profile.epoch = 3;
  for (Event& event : profile.events) event.origin = 77;
  EXPECT_EQ(Encode(profile), Encode(Sample()));
  Profile decoded;
  EXPECT_EQ(Fault(Forge([](auto* r) {
                    r->set_epoch(3);
                    r->mutable_events(0)->set_origin(77);
                  }),
                  &decoded),
            "");
  EXPECT_EQ(decoded, Sample());
}

TEST(ProfileToken, EveryFlippedBitIsFound) {
  const std::string token = Encode(Sample());
  for (size_t byte = 0; byte < token.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = token;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      EXPECT_THAT(Fault(damaged), HasSubstr("is not a profile token")) << byte << ":" << bit;
    }
  }
}

TEST(ProfileToken, EveryCutIsFound) {
  const std::string token = Encode(Sample());
  for (size_t size = 0; size < token.size(); ++size) {
    EXPECT_THAT(Fault(token.substr(0, size)), HasSubstr("is not a profile token")) << size;
  }
  EXPECT_THAT(Fault(token + "x"), HasSubstr("checksum"));
}

TEST(ProfileToken, SaysWhatIsWrong) {
  EXPECT_THAT(Fault(""), HasSubstr("only 0 bytes"));
  EXPECT_THAT(Fault("KPR1 and more than twelve bytes"), HasSubstr("does not begin with 'KPT'"));
  std::string newer = Encode(Sample());
  newer[3] = 2;
  EXPECT_THAT(Fault(newer), HasSubstr("format 2, this server knows 1"));
  EXPECT_THAT(Fault(std::string(20'000, 'x')), HasSubstr("is 20000 bytes long, expected at most 16384"));
}

TEST(ProfileToken, AForgedRecordIsCheckedLikeARequest) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<std::string, std::function<void(v1::ProfileRecord*)>>> cases = {
      {"a user id of 0 bytes", [](auto* r) { r->clear_user_id(); }},
      {"a user id of 1025 bytes", [](auto* r) { r->set_user_id(std::string(1025, 'u')); }},
      {"version 0", [](auto* r) { r->clear_version(); }},
      {"a time of update", [](auto* r) { r->set_updated_ms(std::numeric_limits<int64_t>::max()); }},
      {"an item id of 0 bytes", [](auto* r) { r->mutable_events(0)->clear_item_id(); }},
      {"an item id of 1025 bytes", [](auto* r) { r->mutable_events(2)->set_item_id(std::string(1025, 'i')); }},
      {"an action of 65 bytes", [](auto* r) { r->mutable_events(1)->set_action(std::string(65, 'a')); }},
      {"a weight of 0", [](auto* r) { r->mutable_events(1)->clear_weight(); }},
      {"a weight of -1", [](auto* r) { r->mutable_events(1)->set_weight(-1); }},
      {"a weight of nan", [nan](auto* r) { r->mutable_events(1)->set_weight(nan); }},
      {"a weight of inf", [infinity](auto* r) { r->mutable_events(1)->set_weight(infinity); }},
      {"a time outside", [](auto* r) { r->mutable_events(1)->set_time_ms(std::numeric_limits<int64_t>::min()); }},
      {"a time outside", [](auto* r) { r->mutable_events(2)->set_time_ms(253'402'300'800'000); }},
      {"events out of order", [](auto* r) { r->mutable_events(1)->set_time_ms(4); }},
      {"blend steps with a gap", [](auto* r) { r->mutable_events(0)->set_blend_step(1); }},
      {"blend steps with a gap", [](auto* r) { r->mutable_events(2)->set_blend_step(2); }},
      {"blend steps with a gap",
       [](auto* r) {
         r->mutable_events(1)->set_blend_step(1);
         r->mutable_events(2)->set_blend_step(0);
       }},
      {"too many blend steps",
       [](auto* r) {
         for (uint32_t step = 2; step < 20; ++step) {
           *r->add_events() = r->events(2);
           r->mutable_events(static_cast<int>(step) + 1)->set_blend_step(step);
         }
       }},
      {"257 events",
       [](auto* r) {
         while (r->events_size() < 257) *r->add_events() = r->events(2);
       }},
  };
  for (const auto& [expected, change] : cases) EXPECT_THAT(Fault(Forge(change)), HasSubstr(expected));
  EXPECT_EQ(Fault(Forge([](auto* r) { r->set_version(std::numeric_limits<uint64_t>::max()); })), "");
}

TEST(ProfileToken, UpdateIdsOfAForgedRecordAreNotTaken) {
  Profile decoded;
  EXPECT_EQ(Fault(Forge([](auto* r) { r->add_update_ids("x"); }), &decoded), "");
  EXPECT_EQ(decoded, Sample());
}

TEST(ProfileToken, TextThatIsNotUtf8IsRefused) {
  v1::ProfileRecord record;
  WriteRecord(Sample(), &record);
  std::string bytes = record.SerializeAsString();
  const size_t at = bytes.find("ä");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 1] = 'x';
  EXPECT_THAT(Fault(Seal(bytes)), HasSubstr("cannot be read"));
}

// Bytes that nobody meant, under a checksum that is right: refused, or good in every part.
TEST(ProfileToken, RandomlyChangedRecordsAreRefusedOrGood) {
  // Protobuf has much to say about text that is not UTF-8.
  auto* const log = google::protobuf::SetLogHandler(nullptr);
  std::mt19937_64 random(3);
  v1::ProfileRecord record;
  WriteRecord(Sample(), &record);
  const std::string good = record.SerializeAsString();
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    Profile decoded;
    if (!Fault(Seal(bytes), &decoded).empty()) continue;
    ++taken;
    ASSERT_FALSE(decoded.user_id.empty());
    ASSERT_GT(decoded.version, 0u);
    ASSERT_LE(decoded.events.size(), 256u);
    uint32_t step = 0;
    for (const Event& event : decoded.events) {
      ASSERT_TRUE(!event.item_id.empty() && std::isfinite(event.weight) && event.weight > 0);
      ASSERT_TRUE(event.blend_step == step || event.blend_step == step + 1);
      step = event.blend_step;
    }
  }
  google::protobuf::SetLogHandler(log);
  EXPECT_GT(taken, 100);  // a weight, a time or a letter of an id
}

TEST(ProfileToken, OfALargeProfileTheLastEventsThatFitAreKept) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 30; ++round) {
    Profile profile = Sample();
    profile.user_id = std::string(1 + random() % 1024, 'u');
    profile.events.clear();
    for (uint32_t i = 0; i < 256; ++i) {
      Event event{std::string(1 + random() % 400, 'i'), std::string(random() % 65, 'a'), i, 1.0};
      event.blend_step = i / 20;
      profile.events.push_back(event);
    }
    const std::string token = Encode(profile);
    ASSERT_LE(token.size(), limits::kMaxProfileTokenBytes);
    EXPECT_GT(token.size() + 500, limits::kMaxProfileTokenBytes);  // the next one would not have fitted
    Profile decoded;
    ASSERT_EQ(Fault(token, &decoded), "");
    ASSERT_LT(decoded.events.size(), 256u);
    ASSERT_GT(decoded.events.size(), 30u);
    const size_t dropped = 256 - decoded.events.size();
    for (size_t i = 0; i < decoded.events.size(); ++i) {
      Event expected = profile.events[dropped + i];
      expected.blend_step -= profile.events[dropped].blend_step;
      ASSERT_EQ(decoded.events[i], expected);
    }
  }
}

TEST(ProfileToken, TheLargestIdsFit) {
  Profile profile = Sample();
  profile.user_id = std::string(limits::kMaxIdBytes, 'u');
  profile.events.assign(256,
                        {std::string(limits::kMaxIdBytes, 'i'), std::string(limits::kMaxActionBytes, 'a'), 9, 1.0, 0});
  const std::string token = Encode(profile);
  EXPECT_LE(token.size(), limits::kMaxProfileTokenBytes);
  Profile decoded;
  EXPECT_EQ(Fault(token, &decoded), "");
  EXPECT_EQ(decoded.user_id, profile.user_id);
  EXPECT_EQ(decoded.events.size(), 13u);
}

}  // namespace
}  // namespace kindred
