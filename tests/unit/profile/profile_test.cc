#include "core/profile/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "core/profile/count.h"
#include "core/profile/merge.h"

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

TEST(ApplyUpdateTest, AnUpdateWhoseIdWasForgottenIsKnownByItsEvents) {
  const ProfileLimits limits{.max_update_ids = 1};
  ProfileUpdate first = MakeUpdate("1", {MakeEvent("a", 5), MakeEvent("b", 5)});
  first.origin = 77;
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(first, limits, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("2", {MakeEvent("a", 6)}), limits, &profile));
  ASSERT_THAT(profile.update_ids, ElementsAre("2"));
  const Profile before = profile;
  first.events[0].time_ms = first.events[1].time_ms = 8;  // without a time of its own, that of the retry
  EXPECT_FALSE(ApplyUpdate(first, limits, &profile));
  EXPECT_EQ(profile, before);
  // The hash alone is not enough: another update may share it.
  ProfileUpdate other = MakeUpdate("3", {MakeEvent("c", 5)});
  other.origin = 77;
  EXPECT_TRUE(ApplyUpdate(other, limits, &profile));
  // Without an id nothing is a duplicate.
  first.update_id.clear();
  EXPECT_TRUE(ApplyUpdate(first, limits, &profile));
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

ProfileUpdate MakeBlend(std::string update_id, std::vector<Event> events) {
  ProfileUpdate update = MakeUpdate(std::move(update_id), std::move(events));
  update.mode = UpdateMode::kBlend;
  return update;
}

// "a0 b0 c1": items with their steps.
std::string Steps(const Profile& profile) {
  std::string text;
  for (const Event& event : profile.events) {
    absl::StrAppend(&text, text.empty() ? "" : " ", event.item_id, event.blend_step);
  }
  return text;
}

TEST(ApplyUpdateTest, ABlendBeginsAStepThatLaterHistoryJoins) {
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(MakeBlend("1", {MakeEvent("a", 50)}), {}, &profile));
  EXPECT_EQ(Steps(profile), "a0");  // nothing to blend with yet
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("2", {MakeEvent("b", 40)}), {}, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeBlend("3", {MakeEvent("d", 30), MakeEvent("c", 20)}), {}, &profile));
  EXPECT_EQ(Steps(profile), "b0 a0 c1 d1");
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("4", {MakeEvent("e", 25)}), {}, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeBlend("5", {MakeEvent("f", 1)}), {}, &profile));
  EXPECT_EQ(Steps(profile), "b0 a0 c1 e1 d1 f2");
}

TEST(ApplyUpdateTest, StepsInAnUpdatesEventsAreNotTheCallersToChoose) {
  Profile profile;
  Event event = MakeEvent("a", 1);
  event.blend_step = 9;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("1", {event}), {}, &profile));
  EXPECT_EQ(Steps(profile), "a0");
}

TEST(ApplyUpdateTest, ABlendWithoutEventsIsNoStep) {
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 1)}), {}, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeBlend("2", {}), {}, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("3", {MakeEvent("b", 2)}), {}, &profile));
  EXPECT_EQ(Steps(profile), "a0 b0");
}

TEST(ApplyUpdateTest, TheOldestStepIsDroppedFirstAndTheOthersCountFromZero) {
  const ProfileLimits limits{.max_events = 3};
  Profile profile;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("1", {MakeEvent("a", 100), MakeEvent("b", 101)}), limits, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeBlend("2", {MakeEvent("c", 1)}), limits, &profile));
  ASSERT_TRUE(ApplyUpdate(MakeBlend("3", {MakeEvent("d", 2)}), limits, &profile));
  EXPECT_EQ(Steps(profile), "b0 c1 d2");  // c and d are older, but of later steps
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("4", {MakeEvent("e", 0)}), limits, &profile));
  EXPECT_EQ(Steps(profile), "c0 e1 d1");
  ASSERT_TRUE(ApplyUpdate(MakeBlend("5", {MakeEvent("f", 0), MakeEvent("g", 1), MakeEvent("h", 2), MakeEvent("i", 3)}),
                          limits, &profile));
  EXPECT_EQ(Steps(profile), "g0 h0 i0");
}

TEST(ApplyUpdateTest, BeyondTheMostStepsTheTwoOldestBecomeOne) {
  const ProfileLimits limits{.max_blend_steps = 3};
  Profile profile;
  for (const char* item : {"d", "c", "b", "a"}) {
    ASSERT_TRUE(ApplyUpdate(MakeBlend(item, {MakeEvent(item, item[0])}), limits, &profile));
  }
  EXPECT_EQ(Steps(profile), "c0 d0 b1 a2");  // joined, in the order of time
  // A profile of a higher limit: all that is too much is joined.
  ASSERT_TRUE(ApplyUpdate(MakeUpdate("5", {}), {.max_blend_steps = 0}, &profile));
  EXPECT_EQ(Steps(profile), "a0 b0 c0 d0");
  EXPECT_EQ(ProfileLimits().max_blend_steps, 16u);
}

// What ApplyUpdate says it does, done step by step on lists of lists.
struct PlainHistory {
  std::vector<std::vector<Event>> steps;

  void Apply(const ProfileUpdate& update, const ProfileLimits& limits) {
    if (steps.empty() || update.mode == UpdateMode::kBlend) steps.emplace_back();
    steps.back().insert(steps.back().end(), update.events.begin(), update.events.end());
    Sort(&steps.back());
    size_t total = 0;
    for (const auto& step : steps) total += step.size();
    for (; total > limits.max_events; --total) {
      DropEmpty();
      steps.front().erase(steps.front().begin());
    }
    DropEmpty();
    while (steps.size() > limits.max_blend_steps) {
      steps[0].insert(steps[0].end(), steps[1].begin(), steps[1].end());
      Sort(&steps[0]);
      steps.erase(steps.begin() + 1);
    }
  }

  std::vector<Event> Events() const {
    std::vector<Event> events;
    for (uint32_t step = 0; step < steps.size(); ++step) {
      for (const Event& event : steps[step]) events.emplace_back(event).blend_step = step;
    }
    return events;
  }

 private:
  static void Sort(std::vector<Event>* step) {
    std::stable_sort(step->begin(), step->end(), [](const Event& a, const Event& b) { return a.time_ms < b.time_ms; });
  }
  void DropEmpty() {
    std::erase_if(steps, [](const auto& step) { return step.empty(); });
  }
};

TEST(ApplyUpdateTest, RandomBlendsAgreeWithListsOfLists) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    const ProfileLimits limits{.max_events = 1 + static_cast<uint32_t>(random() % 40),
                               .max_blend_steps = 1 + static_cast<uint32_t>(random() % 6)};
    Profile profile;
    PlainHistory plain;
    int made = 0;
    for (int round_update = 0; round_update < 40; ++round_update) {
      ProfileUpdate update = MakeUpdate("", {});
      if (random() % 2 == 0) update.mode = UpdateMode::kBlend;
      for (uint64_t i = random() % 6; i > 0; --i) {
        update.events.push_back(MakeEvent(absl::StrCat(made++), static_cast<int64_t>(random() % 10)));
      }
      ASSERT_TRUE(ApplyUpdate(update, limits, &profile));
      plain.Apply(update, limits);
      ASSERT_EQ(profile.events, plain.Events()) << "round " << round << ", update " << round_update;
      ASSERT_LE(profile.events.size(), limits.max_events);
      if (!profile.events.empty()) {
        ASSERT_LT(profile.events.back().blend_step, limits.max_blend_steps);
      }
    }
  }
}

TEST(ApplyUpdateTest, AVersionStopsAtTheLargestThatIsRead) {
  Profile profile, other;
  profile.version = other.version = kMaxProfileCount - 1;
  for (int i = 0; i < 2; ++i) {
    ProfileUpdate update;
    update.user_id = "u";
    update.events.push_back({"item", "view", i, 1.0, 0, 0});
    EXPECT_TRUE(ApplyUpdate(update, {}, &profile));
    EXPECT_EQ(profile.version, kMaxProfileCount);
  }
  other.user_id = "u";
  other.version = kMaxProfileCount;
  other.events.push_back({"another", "view", 5, 1.0, 0, 0});
  EXPECT_TRUE(MergeProfile(other, {}, &profile));
  EXPECT_EQ(profile.events.size(), 3u);
  EXPECT_EQ(profile.version, kMaxProfileCount);
}

}  // namespace
}  // namespace kindred
