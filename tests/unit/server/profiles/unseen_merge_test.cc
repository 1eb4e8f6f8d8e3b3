#include "server/profiles/unseen_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::ElementsAre;

// Events at the times given, each named after its time and of a step of its own.
Profile ProfileOf(uint64_t epoch, uint64_t version, int64_t updated_ms, const std::vector<int64_t>& times) {
  Profile profile;
  profile.user_id = "u";
  profile.epoch = epoch;
  profile.version = version;
  profile.updated_ms = updated_ms;
  uint32_t step = 0;
  for (const int64_t time_ms : times) {
    const auto origin = static_cast<uint32_t>(time_ms);
    profile.events.push_back({std::to_string(time_ms), "view", time_ms, 1.0, step++, origin});
  }
  return profile;
}

std::vector<std::string> ItemsOf(const Profile& profile) {
  std::vector<std::string> items;
  for (const Event& event : profile.events) items.push_back(event.item_id);
  return items;
}

TEST(UnseenMerge, ADeletionDeletesWhatItHadNotSeen) {
  Profile deleted = ProfileOf(1, 0, 100, {});
  EXPECT_TRUE(MergeUnseen(ProfileOf(1, 3, 90, {80, 90}), {}, &deleted));
  EXPECT_EQ(deleted, ProfileOf(2, 0, 100, {}));
  EXPECT_FALSE(MergeUnseen(ProfileOf(1, 4, 90, {80}), {}, &deleted));
  EXPECT_FALSE(MergeUnseen(ProfileOf(2, 0, 95, {}), {}, &deleted));
  EXPECT_EQ(deleted.epoch, 2u);
  // Deleted elsewhere as well, and begun anew.
  EXPECT_TRUE(MergeUnseen(ProfileOf(5, 0, 99, {}), {}, &deleted));
  EXPECT_EQ(deleted.epoch, 5u);
}

TEST(UnseenMerge, WhatWasBegunAnewAfterThisVeryDeletionIsKept) {
  const Profile anew = ProfileOf(1, 1, 120, {110, 120});
  Profile deleted = ProfileOf(1, 0, 100, {});
  EXPECT_TRUE(MergeUnseen(anew, {}, &deleted));
  EXPECT_EQ(deleted, anew);
  Profile later = ProfileOf(1, 0, 110, {});
  EXPECT_TRUE(MergeUnseen(anew, {}, &later));
  EXPECT_EQ(later, ProfileOf(2, 0, 110, {}));
}

TEST(UnseenMerge, AnUpdateAfterADeletionElsewhereIsKept) {
  Profile updated = ProfileOf(0, 6, 120, {50, 60, 110, 120});
  EXPECT_TRUE(MergeUnseen(ProfileOf(1, 0, 100, {}), {}, &updated));
  EXPECT_THAT(ItemsOf(updated), ElementsAre("110", "120"));
  EXPECT_EQ(updated.epoch, 1u);
  EXPECT_EQ(updated.version, 6u);
  EXPECT_EQ(updated.events[0].blend_step, 0u);
  EXPECT_EQ(updated.events[1].blend_step, 1u);
  // That it was begun anew says when the deletion was at the latest.
  Profile other = ProfileOf(0, 6, 120, {50, 60, 110, 120});
  EXPECT_TRUE(MergeUnseen(ProfileOf(1, 1, 105, {105}), {}, &other));
  EXPECT_THAT(ItemsOf(other), ::testing::UnorderedElementsAre("105", "110", "120"));
}

TEST(UnseenMerge, WhatWasThereBeforeADeletionIsNot) {
  const Profile deletion = ProfileOf(1, 0, 100, {});
  Profile earlier = ProfileOf(0, 6, 90, {50, 90});
  EXPECT_TRUE(MergeUnseen(deletion, {}, &earlier));
  EXPECT_EQ(earlier, deletion);
  Profile history = ProfileOf(0, 6, 120, {50, 90});  // came later, but happened before
  EXPECT_TRUE(MergeUnseen(deletion, {}, &history));
  EXPECT_EQ(history, deletion);
}

TEST(UnseenMerge, OtherwiseItIsTheUsualMerge) {
  Profile profile = ProfileOf(1, 2, 20, {10});
  EXPECT_TRUE(MergeUnseen(ProfileOf(1, 5, 15, {10, 15}), {}, &profile));
  EXPECT_THAT(ItemsOf(profile), ElementsAre("10", "15"));
  EXPECT_FALSE(MergeUnseen(ProfileOf(0, 9, 15, {1}), {}, &profile));
}

}  // namespace
}  // namespace kindred
