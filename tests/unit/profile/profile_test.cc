#include "core/profile/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Event MakeEvent(std::string item, int64_t time_ms) {
  return {.item_id = std::move(item), .action = "view", .time_ms = time_ms, .weight = 1.0};
}

ProfileUpdate MakeUpdate(std::string update_id, std::vector<Event> events, int64_t now_ms = 0) {
  return {.user_id = "u", .update_id = std::move(update_id), .events = std::move(events), .now_ms = now_ms};
}

std::vector<std::string> Items(const Profile& profile) {
  std::vector<std::string> items;
  for (const Event& event : profile.events) items.push_back(event.item_id);
  return items;
}

TEST(ApplyUpdateTest, MakesANewProfile) {
  Profile profile;
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 5)}, 77), {}, &profile));
  EXPECT_EQ(profile.user_id, "u");
  EXPECT_EQ(profile.version, 1u);
  EXPECT_EQ(profile.updated_ms, 77);
  EXPECT_THAT(profile.events, ElementsAre(MakeEvent("a", 5)));
  EXPECT_THAT(profile.update_ids, ElementsAre("1"));
}

TEST(ApplyUpdateTest, KeepsTheUserIdOfAnOldProfile) {
  Profile profile{.user_id = "first", .version = 3, .events = {}, .update_ids = {}};
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("1", {}), {}, &profile));
  EXPECT_EQ(profile.user_id, "first");
  EXPECT_EQ(profile.version, 4u);
}

TEST(ApplyUpdateTest, ADuplicateChangesNothing) {
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 5)}, 10), {}, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("2", {MakeEvent("b", 6)}, 11), {}, &profile));
  const Profile before = profile;
  EXPECT_FALSE(ApplyUpdate(MakeUpdate("1", {MakeEvent("c", 7)}, 12), {}, &profile));
  EXPECT_FALSE(ApplyUpdate(MakeUpdate("2", {MakeEvent("c", 7)}, 12), {}, &profile));
  EXPECT_EQ(profile, before);
}

TEST(ApplyUpdateTest, AnEmptyUpdateIdIsNeverADuplicate) {
  Profile profile;
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("", {MakeEvent("a", 1)}), {}, &profile));
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("", {MakeEvent("a", 1)}), {}, &profile));
  EXPECT_EQ(profile.version, 2u);
  EXPECT_THAT(Items(profile), ElementsAre("a", "a"));
  EXPECT_THAT(profile.update_ids, IsEmpty());
}

TEST(ApplyUpdateTest, OrdersByTimeAndByArrivalWithinATime) {
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 10), MakeEvent("b", 20)}), {}, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("2", {MakeEvent("c", 20), MakeEvent("d", 10), MakeEvent("e", -1)}), {}, &profile));
  EXPECT_THAT(Items(profile), ElementsAre("e", "a", "d", "b", "c"));
}

TEST(ApplyUpdateTest, DropsTheOldestEvents) {
  const ProfileLimits limits{.max_events = 3, .max_update_ids = 64};
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 1), MakeEvent("b", 2)}), limits, &profile));
  ASSERT_TRUE(
      ApplyUpdate(MakeUpdate("2", {MakeEvent("late", 0), MakeEvent("c", 3), MakeEvent("d", 4)}), limits, &profile));
  EXPECT_THAT(Items(profile), ElementsAre("b", "c", "d"));
  // Older than everything kept: counted, but not kept.
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("3", {MakeEvent("old", 1)}), limits, &profile));
  EXPECT_THAT(Items(profile), ElementsAre("b", "c", "d"));
  EXPECT_EQ(profile.version, 3u);
}

TEST(ApplyUpdateTest, AProfileOverALowerLimitShrinks) {
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 1), MakeEvent("b", 2), MakeEvent("c", 3)}), {}, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("2", {}), {.max_events = 1, .max_update_ids = 1}, &profile));
  EXPECT_THAT(Items(profile), ElementsAre("c"));
  EXPECT_THAT(profile.update_ids, ElementsAre("2"));
}

TEST(ApplyUpdateTest, ForgetsTheOldestUpdateIds) {
  const ProfileLimits limits{.max_events = 256, .max_update_ids = 2};
  Profile profile;
  for (const char* id : {"1", "2", "3"}) ASSERT_TRUE(ApplyUpdate(MakeUpdate(id, {}), limits, &profile));
  EXPECT_THAT(profile.update_ids, ElementsAre("2", "3"));
  EXPECT_FALSE(ApplyUpdate(MakeUpdate("2", {}), limits, &profile));
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("1", {}), limits, &profile));
  EXPECT_THAT(profile.update_ids, ElementsAre("3", "1"));
}

TEST(ApplyUpdateTest, LimitsOfZeroKeepNothing) {
  const ProfileLimits limits{.max_events = 0, .max_update_ids = 0};
  Profile profile;
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 1)}), limits, &profile));
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 1)}), limits, &profile));
  EXPECT_THAT(profile.events, IsEmpty());
  EXPECT_THAT(profile.update_ids, IsEmpty());
  EXPECT_EQ(profile.version, 2u);
}

TEST(ApplyUpdateTest, AnUpdateWithoutEventsCounts) {
  Profile profile;
  EXPECT_TRUE(ApplyUpdate(MakeUpdate("1", {}, 9), {}, &profile));
  EXPECT_EQ(profile.version, 1u);
  EXPECT_EQ(profile.updated_ms, 9);
}

// The history after any sequence of updates is that of all events at once, sorted and cut at the end, as long as no
// event arrives so late that the cut already passed it.
TEST(ApplyUpdateTest, RandomUpdatesAgreeWithOnePlainSort) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 50; ++round) {
    const ProfileLimits limits{.max_events = 1 + static_cast<uint32_t>(random() % 40), .max_update_ids = 8};
    Profile profile;
    std::vector<Event> all;
    int64_t clock = 0;
    for (int update = 0; update < 20; ++update) {
      std::vector<Event> events;
      for (uint64_t i = random() % 8; i > 0; --i) {
        events.push_back(
            MakeEvent(absl::StrCat(all.size() + events.size()), clock + static_cast<int64_t>(random() % 4)));
      }
      clock += 2;
      all.insert(all.end(), events.begin(), events.end());
      ASSERT_TRUE(ApplyUpdate(MakeUpdate(absl::StrCat(update), events), limits, &profile));
      ASSERT_LE(profile.events.size(), limits.max_events);
    }
    // Clocks of updates overlap by two ticks, so that a cut can fall between equal times of two updates; stable order
    // still says which goes first.
    std::stable_sort(all.begin(), all.end(), [](const Event& a, const Event& b) { return a.time_ms < b.time_ms; });
    if (all.size() > limits.max_events) all.erase(all.begin(), all.end() - limits.max_events);
    EXPECT_EQ(profile.events, all);
    EXPECT_THAT(profile.update_ids, SizeIs(8));
    EXPECT_EQ(profile.version, 20u);
  }
}

}  // namespace
}  // namespace kindred
