#include "server/packed_profile.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "core/base/str_cat.h"

namespace kindred {
namespace {

Profile Sample() {
  Profile profile;
  profile.user_id = "u1";
  profile.version = 3;
  profile.updated_ms = 1'700'000'000'123;
  profile.events = {{"a", "view", -5, 1.0, 0, 7}, {"b", "", 6, 0.25, 0, 0}, {"c", "view", 4, 1.0, 1, 9}};
  profile.update_ids = {"x", "y"};
  profile.epoch = 2;
  return profile;
}

v1::PackedProfile Pack(const Profile& profile, size_t skip_events = 0, size_t skip_ids = 0) {
  v1::PackedProfile packed;
  packed.set_user_id("left over");
  PackProfile(profile, skip_events, skip_ids, &packed);
  return packed;
}

TEST(PackedProfile, RoundTrips) {
  Profile unpacked;
  ASSERT_TRUE(UnpackProfile(Pack(Sample()), &unpacked));
  EXPECT_EQ(unpacked, Sample());
  Profile empty = Sample();
  empty.events.clear();
  empty.update_ids.clear();
  ASSERT_TRUE(UnpackProfile(Pack(empty), &unpacked));
  EXPECT_EQ(unpacked, empty);
}

TEST(PackedProfile, RandomProfilesRoundTrip) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 500; ++round) {
    Profile profile = Sample();
    profile.events.clear();
    uint32_t step = 0;
    int64_t time_ms = static_cast<int64_t>(random() % 1'000) - 500;
    for (uint64_t i = random() % 60; i > 0; --i) {
      if (!profile.events.empty() && random() % 5 == 0) {
        ++step;
        time_ms = static_cast<int64_t>(random() % 2'000'000'000'000) - 1'000'000'000'000;
      }
      time_ms += static_cast<int64_t>(random() % 3);
      profile.events.push_back({StrCat("item", random() % 20), StrCat("action", random() % 3), time_ms,
                                1.0 + static_cast<double>(random() % 4), step,
                                random() % 2 == 0 ? 0 : static_cast<uint32_t>(random())});
    }
    Profile unpacked;
    ASSERT_TRUE(UnpackProfile(Pack(profile), &unpacked));
    ASSERT_EQ(unpacked, profile);
  }
}

TEST(PackedProfile, ColumnsThatSayTheSameForAllAreLeftOut) {
  Profile profile = Sample();
  EXPECT_EQ(Pack(profile).origins_size(), 3);
  for (Event& event : profile.events) {
    event.origin = 0;
    event.action = "view";
    event.weight = 2;
  }
  const v1::PackedProfile packed = Pack(profile);
  EXPECT_EQ(packed.origins_size(), 0);
  EXPECT_EQ(packed.action_places_size(), 0);
  EXPECT_EQ(packed.weight_places_size(), 0);
  Profile unpacked;
  ASSERT_TRUE(UnpackProfile(packed, &unpacked));
  EXPECT_EQ(unpacked, profile);
}

TEST(PackedProfile, SkipsTheFirst) {
  Profile unpacked, expected = Sample();
  expected.events.erase(expected.events.begin(), expected.events.begin() + 2);
  expected.events[0].blend_step = 0;
  expected.update_ids.erase(expected.update_ids.begin());
  ASSERT_TRUE(UnpackProfile(Pack(Sample(), 2, 1), &unpacked));
  EXPECT_EQ(unpacked, expected);
}

TEST(PackedProfile, WhatNoServerMadeIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const int64_t last = std::numeric_limits<int64_t>::max();
  using Change = std::function<void(v1::PackedProfile*)>;
  const std::vector<std::pair<const char*, Change>> cases = {
      {"no user", [](auto* p) { p->clear_user_id(); }},
      {"a long user", [](auto* p) { p->set_user_id(std::string(1025, 'u')); }},
      {"version 0 with events", [](auto* p) { p->set_version(0); }},
      {"a version of very many", [](auto* p) { p->set_version((1ull << 53) + 1); }},
      {"an epoch of very many", [](auto* p) { p->set_epoch(~0ull); }},
      {"a late update", [&](auto* p) { p->set_updated_ms(last); }},
      {"an empty item", [](auto* p) { p->set_item_ids(1, ""); }},
      {"a long item", [](auto* p) { p->set_item_ids(2, std::string(1025, 'i')); }},
      {"an item more", [](auto* p) { p->add_item_ids("d"); }},
      {"an item less", [](auto* p) { p->mutable_item_ids()->RemoveLast(); }},
      {"a time more", [](auto* p) { p->add_time_deltas(1); }},
      {"no times", [](auto* p) { p->clear_time_deltas(); }},
      {"a time too late", [&](auto* p) { p->set_time_deltas(1, last); }},
      {"a time too early", [&](auto* p) { p->set_time_deltas(2, -last); }},
      {"out of order", [](auto* p) { p->set_time_deltas(1, -1); }},
      {"no steps", [](auto* p) { p->clear_step_sizes(); }},
      {"an empty step", [](auto* p) { p->add_step_sizes(0); }},
      {"a step too long", [](auto* p) { p->set_step_sizes(1, 2); }},
      {"a step of very many", [](auto* p) { p->set_step_sizes(0, 4'294'967'295u); }},
      {"an origin less", [](auto* p) { p->mutable_origins()->RemoveLast(); }},
      {"an origin more", [](auto* p) { p->add_origins(1); }},
      {"no actions", [](auto* p) { p->clear_actions(); }},
      {"no actions and no places",
       [](auto* p) {
         p->clear_actions();
         p->clear_action_places();
       }},
      {"a long action", [](auto* p) { p->set_actions(0, std::string(65, 'a')); }},
      {"an action that is not there", [](auto* p) { p->set_action_places(0, 2); }},
      {"an action less", [](auto* p) { p->mutable_action_places()->RemoveLast(); }},
      {"a weight of 0", [](auto* p) { p->set_weights(0, 0); }},
      {"a weight of -1", [](auto* p) { p->set_weights(0, -1); }},
      {"a weight of nan", [&](auto* p) { p->set_weights(1, nan); }},
      {"a weight of infinity", [&](auto* p) { p->set_weights(1, infinity); }},
      {"a weight that is not there", [](auto* p) { p->set_weight_places(2, 4'294'967'295u); }},
      {"a weight more", [](auto* p) { p->add_weight_places(0); }},
      {"no weights", [](auto* p) { p->clear_weights(); }},
      {"an empty update id", [](auto* p) { p->set_update_ids(0, ""); }},
      {"a long update id", [](auto* p) { p->set_update_ids(0, std::string(65, 'x')); }},
      {"nothing", [](auto* p) { p->Clear(); }},
  };
  for (const auto& [name, change] : cases) {
    v1::PackedProfile packed = Pack(Sample());
    change(&packed);
    Profile unpacked = Sample();
    EXPECT_FALSE(UnpackProfile(packed, &unpacked)) << name;
    EXPECT_EQ(unpacked, Profile()) << name;
  }
}

}  // namespace
}  // namespace kindred
