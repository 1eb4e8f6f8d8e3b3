#include "core/profile/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr ProfileLimits kNoLimits{.max_events = 100000, .max_update_ids = 100000, .max_blend_steps = 100000};

ProfileUpdate MakeUpdate(uint32_t origin, std::vector<Event> events, UpdateMode mode = UpdateMode::kHistory) {
  return {.user_id = "u",
          .update_id = absl::StrCat("id", origin),
          .events = std::move(events),
          .now_ms = 1000 + origin,
          .mode = mode,
          .origin = origin};
}

Profile After(std::vector<ProfileUpdate> updates, Profile profile = {}) {
  for (const ProfileUpdate& update : updates) EXPECT_TRUE(ApplyUpdate(update, kNoLimits, &profile));
  return profile;
}

Profile Merged(const Profile& a, const Profile& b, const ProfileLimits& limits = kNoLimits) {
  Profile merged = a;
  const bool changed = MergeProfile(b, limits, &merged);
  EXPECT_EQ(changed, merged != a);
  return merged;
}

// All that is left of a deleted profile.
Profile Tombstone(uint64_t epoch) {
  Profile profile;
  profile.user_id = "u";
  profile.epoch = epoch;
  return profile;
}

// "a0 b0 c1": items with their steps.
std::string Steps(const Profile& profile) {
  std::string text;
  for (const Event& event : profile.events) {
    absl::StrAppend(&text, text.empty() ? "" : " ", event.item_id, event.blend_step);
  }
  return text;
}

const ProfileUpdate kA = MakeUpdate(1, {{"a", "view", 10}});
const ProfileUpdate kB = MakeUpdate(2, {{"b", "view", 20}});
const ProfileUpdate kC = MakeUpdate(3, {{"c", "view", 15}, {"c", "view", 15}});

TEST(MergeProfile, UnitesWhatWasAppliedApart) {
  const Profile base = After({kA});
  const Profile left = After({kB}, base), right = After({kC}, base);
  const Profile merged = Merged(left, right);
  EXPECT_EQ(Steps(merged), "a0 c0 c0 b0");
  EXPECT_THAT(merged.update_ids, UnorderedElementsAre("id1", "id2", "id3"));
  EXPECT_EQ(merged.version, 3u);
  EXPECT_EQ(merged.updated_ms, 1003);
  EXPECT_EQ(merged, Merged(right, left));
}

TEST(MergeProfile, ACopyThatIsBehindAddsNothing) {
  const Profile old = After({kA}), now = After({kB, kC}, old);
  EXPECT_EQ(Merged(now, old), now);
  EXPECT_EQ(Merged(old, now), now);
  EXPECT_EQ(Merged(now, now), now);
  EXPECT_EQ(Merged({}, now), now);
  EXPECT_EQ(Merged(now, {}), now);
  EXPECT_EQ(Merged({}, {}), Profile());
}

TEST(MergeProfile, TheVersionCountsUpOnlyWhereTheResultIsNeitherCopy) {
  Profile ahead = After({kA}), more = After({kA, kB});
  ahead.version = 9;
  // All of `more`, under a version that `ahead` had with less in it.
  EXPECT_EQ(Merged(ahead, more).version, 10u);
  more.version = 9;
  EXPECT_EQ(Merged(ahead, more).version, 9u);
  Profile same = ahead;
  same.version = 4;
  EXPECT_EQ(Merged(same, ahead), ahead);
}

TEST(MergeProfile, TheHigherEpochIsTakenWhole) {
  const Profile old = After({kA, kB});
  const Profile deleted = Tombstone(1);
  EXPECT_EQ(Merged(old, deleted), deleted);
  EXPECT_EQ(Merged(deleted, old), deleted);
  const Profile anew = After({kC}, deleted);
  EXPECT_EQ(anew.epoch, 1u);
  EXPECT_EQ(Merged(old, anew), anew);
  EXPECT_EQ(Merged(anew, old), anew);
  // Deleted at both, and begun again at one.
  EXPECT_EQ(Merged(deleted, anew), anew);
  EXPECT_EQ(Merged(anew, deleted), anew);
}

TEST(MergeProfile, AnUpdateThatWasTriedAtBothIsThereOnce) {
  ProfileUpdate retried = kC;
  // Without times of the caller's, each replica gives its own.
  for (Event& event : retried.events) event.time_ms = 17;
  retried.now_ms = 9999;
  const Profile left = After({kA, kC}), right = After({kB, retried});
  const Profile merged = Merged(left, right);
  EXPECT_EQ(Steps(merged), "a0 c0 c0 b0");
  EXPECT_EQ(merged.events[1].time_ms, 15);
  EXPECT_EQ(merged, Merged(right, left));
  EXPECT_EQ(Merged(merged, right), merged);
}

TEST(MergeProfile, WithoutAnOriginTheTimeTellsEventsApart) {
  Profile left{.user_id = "u", .version = 2, .events = {{"a", "", 1}, {"a", "", 1}, {"b", "", 2}}, .update_ids = {}};
  Profile right{.user_id = "u", .version = 2, .events = {{"a", "", 1}, {"b", "", 3}}, .update_ids = {}};
  EXPECT_EQ(Steps(Merged(left, right)), "a0 a0 b0 b0");
}

TEST(MergeProfile, KeepsTheOrderOfSimultaneousEventsOfTheCopyThatHasAll) {
  const Profile left = After({MakeUpdate(9, {{"z", "", 5}, {"a", "", 5}}), MakeUpdate(8, {{"m", "", 5}})});
  const Profile part = After({MakeUpdate(8, {{"m", "", 5}})});
  EXPECT_EQ(Steps(Merged(left, part)), "z0 a0 m0");
  EXPECT_EQ(Steps(Merged(part, left)), "z0 a0 m0");
  const Profile other_order = After({MakeUpdate(8, {{"m", "", 5}}), MakeUpdate(9, {{"z", "", 5}, {"a", "", 5}})});
  EXPECT_EQ(Merged(left, other_order), Merged(other_order, left));
}

TEST(MergeProfile, BlendsThatBeganApartShareAStep) {
  const Profile base = After({kA});
  const Profile left = After({MakeUpdate(5, {{"x", "", 1}}, UpdateMode::kBlend)}, base);
  const Profile right = After({MakeUpdate(6, {{"y", "", 2}}, UpdateMode::kBlend)}, base);
  EXPECT_EQ(Steps(Merged(left, right)), "a0 x1 y1");
  EXPECT_EQ(Merged(left, right), Merged(right, left));
}

TEST(MergeProfile, ACopyThatDroppedItsFirstStepsIsAligned) {
  const ProfileLimits limits{.max_events = 3};
  const Profile old = After({MakeUpdate(1, {{"a", "", 10}}), MakeUpdate(2, {{"b", "", 9}}, UpdateMode::kBlend),
                             MakeUpdate(3, {{"c", "", 8}}, UpdateMode::kBlend)});
  Profile now = old;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate(4, {{"d", "", 7}}, UpdateMode::kBlend), limits, &now));
  ASSERT_EQ(Steps(now), "b0 c1 d2");
  EXPECT_EQ(Merged(old, now, limits), now);
  EXPECT_EQ(Merged(now, old, limits), now);
}

TEST(MergeProfile, ACopyThatJoinedItsFirstStepsKeepsThemJoined) {
  const ProfileLimits limits{.max_blend_steps = 2};
  const Profile old = After({MakeUpdate(1, {{"a", "", 10}}), MakeUpdate(2, {{"b", "", 9}}, UpdateMode::kBlend)});
  Profile now = old;
  ASSERT_TRUE(ApplyUpdate(MakeUpdate(3, {{"c", "", 8}}, UpdateMode::kBlend), limits, &now));
  ASSERT_EQ(Steps(now), "b0 a0 c1");
  EXPECT_EQ(Merged(old, now, limits), now);
  EXPECT_EQ(Merged(now, old, limits), now);
}

TEST(MergeProfile, BlendsAppliedInOppositeOrdersSettle) {
  const ProfileUpdate x = MakeUpdate(5, {{"x", "", 1}}, UpdateMode::kBlend);
  const ProfileUpdate y = MakeUpdate(6, {{"y", "", 2}}, UpdateMode::kBlend);
  const ProfileUpdate z = MakeUpdate(7, {{"z", "", 3}}, UpdateMode::kBlend);
  const Profile left = After({x, y, z}), right = After({y, x, z});
  const Profile merged = Merged(left, right);
  EXPECT_EQ(Steps(merged), "x0 y0 z1");
  EXPECT_EQ(Merged(merged, left), merged);
  EXPECT_EQ(Merged(merged, right), merged);
}

TEST(MergeProfile, LimitsHold) {
  const Profile left = After({kA, kC}), right = After({kB});
  const Profile merged = Merged(left, right, {.max_events = 2, .max_update_ids = 2});
  EXPECT_EQ(Steps(merged), "c0 b0");
  EXPECT_THAT(merged.update_ids, ElementsAre("id2", "id3"));
  EXPECT_EQ(merged.version, 3u);
}

// An event as merges know it, how often and when.
using Content = std::map<std::tuple<uint32_t, std::string, std::string, double>, std::vector<int64_t>>;

// A replica's copy, and what must be in it, kept apart in the plainest way.
struct Replica {
  Profile profile;
  std::map<uint32_t, ProfileUpdate> applied;  // in this epoch, by origin, events with their earliest times

  Content Expected() const {
    Content content;
    for (const auto& [origin, update] : applied) {
      for (const Event& event : update.events) {
        content[{origin, event.item_id, event.action, event.weight}].push_back(event.time_ms);
      }
    }
    for (auto& [key, times] : content) std::sort(times.begin(), times.end());
    return content;
  }

  void Learn(const ProfileUpdate& update) {
    const auto [entry, fresh] = applied.try_emplace(update.origin, update);
    for (size_t i = 0; !fresh && i < update.events.size(); ++i) {
      Event& known = entry->second.events[i];
      known.time_ms = std::min(known.time_ms, update.events[i].time_ms);
    }
  }

  void Apply(const ProfileUpdate& update, const ProfileLimits& limits) {
    const bool fresh = ApplyUpdate(update, limits, &profile);
    EXPECT_EQ(fresh, !applied.contains(update.origin));
    if (!applied.contains(update.origin)) Learn(update);
  }

  void Delete() {
    profile = Tombstone(profile.epoch + 1);
    applied.clear();
  }

  void Merge(const Replica& other, const ProfileLimits& limits) {
    const Profile before = profile;
    const bool changed = MergeProfile(other.profile, limits, &profile);
    ASSERT_EQ(changed, profile != before);
    if (other.profile.epoch > before.epoch) applied = other.applied;
    if (other.profile.epoch != before.epoch) return;
    for (const auto& [origin, update] : other.applied) Learn(update);
  }
};

Content ContentOf(const Profile& profile) {
  Content content;
  for (const Event& event : profile.events) {
    content[{event.origin, event.item_id, event.action, event.weight}].push_back(event.time_ms);
  }
  for (auto& [key, times] : content) std::sort(times.begin(), times.end());
  return content;
}

std::vector<std::string> SortedIds(const Profile& profile) {
  std::vector<std::string> ids = profile.update_ids;
  std::sort(ids.begin(), ids.end());
  return ids;
}

void CheckOrder(const Profile& profile) {
  const Event* before = nullptr;
  for (const Event& event : profile.events) {
    const uint32_t step = before == nullptr ? 0 : before->blend_step;
    ASSERT_TRUE(event.blend_step == step || (before != nullptr && event.blend_step == step + 1)) << Steps(profile);
    if (before != nullptr && event.blend_step == step) {
      ASSERT_LE(before->time_ms, event.time_ms);
    }
    before = &event;
  }
}

// Two or three replicas that update, try an earlier update again, merge and delete in random order.
class World {
 public:
  World(uint64_t seed, bool blends, bool retries, const ProfileLimits& limits)
      : random_(seed), blends_(blends), retries_(retries), limits_(limits), replicas(2 + random_() % 2) {}

  void Step() {
    Replica& replica = replicas[random_() % replicas.size()];
    const uint64_t what = random_() % 20;
    if (what < 8) {
      made_.push_back(NewUpdate());
      replica.Apply(made_.back(), limits_);
    } else if (what < 12 && retries_ && !made_.empty()) {
      ProfileUpdate retried = made_[random_() % made_.size()];
      const auto delay = static_cast<int64_t>(random_() % 3);
      for (Event& event : retried.events) event.time_ms += delay;
      replica.Apply(retried, limits_);
    } else if (what == 12 && random_() % 3 == 0) {
      replica.Delete();
      // What was made before is not tried again: a deletion forgets that it was applied.
      made_.clear();
    } else {
      replica.Merge(replicas[random_() % replicas.size()], limits_);
    }
  }

 private:
  ProfileUpdate NewUpdate() {
    std::vector<Event> events;
    for (uint64_t i = 1 + random_() % 4; i > 0; --i) {
      events.push_back(
          {absl::StrCat("i", random_() % 3), random_() % 2 == 0 ? "view" : "", Time(), random_() % 2 == 0 ? 1.0 : 0.5});
    }
    return MakeUpdate(++origin_, std::move(events),
                      blends_ && random_() % 3 == 0 ? UpdateMode::kBlend : UpdateMode::kHistory);
  }
  int64_t Time() { return static_cast<int64_t>(origin_ / 2 + random_() % 5); }

  std::mt19937_64 random_;
  const bool blends_, retries_;
  const ProfileLimits limits_;
  uint32_t origin_ = 0;
  std::vector<ProfileUpdate> made_;

 public:
  std::vector<Replica> replicas;
};

TEST(MergeProfile, RandomHistoriesLoseAndDoubleNothing) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    World world(seed, seed % 2 == 1, true, kNoLimits);
    for (int step = 0; step < 60; ++step) {
      world.Step();
      for (const Replica& replica : world.replicas) {
        ASSERT_EQ(ContentOf(replica.profile), replica.Expected()) << "seed " << seed << ", step " << step;
        CheckOrder(replica.profile);
        std::vector<std::string> ids;
        for (const auto& [origin, update] : replica.applied) ids.push_back(update.update_id);
        std::sort(ids.begin(), ids.end());
        ASSERT_EQ(SortedIds(replica.profile), ids);
      }
    }
  }
}

// Of every state that a world comes by, each with each.
TEST(MergeProfile, RandomHistoriesMergeTheSameEitherWayAndOnlyOnce) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    World world(seed, seed % 2 == 1, true, kNoLimits);
    for (int step = 0; step < 40; ++step) {
      world.Step();
      const Profile& a = world.replicas[0].profile;
      const Profile& b = world.replicas[1].profile;
      const Profile& c = world.replicas.back().profile;
      const Profile merged = Merged(a, b);
      ASSERT_EQ(merged, Merged(b, a)) << "seed " << seed << ", step " << step;
      ASSERT_EQ(Merged(a, a), a);
      ASSERT_EQ(Merged(merged, a), merged) << "seed " << seed << ", step " << step;
      ASSERT_EQ(Merged(merged, b), merged) << "seed " << seed << ", step " << step;
      const Profile one = Merged(merged, c), two = Merged(a, Merged(b, c));
      ASSERT_EQ(ContentOf(one), ContentOf(two));
      ASSERT_EQ(SortedIds(one), SortedIds(two));
      ASSERT_EQ(one.epoch, two.epoch);
      ASSERT_EQ(one.updated_ms, two.updated_ms);
    }
  }
}

TEST(MergeProfile, StepsAreKeptAndAssociateWhereEachUpdateWasAppliedOnce) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    World world(seed, true, false, kNoLimits);
    for (int step = 0; step < 40; ++step) {
      world.Step();
      const Profile& a = world.replicas[0].profile;
      const Profile& b = world.replicas[1].profile;
      const Profile& c = world.replicas.back().profile;
      const Profile one = Merged(Merged(a, b), c), two = Merged(a, Merged(b, c));
      ASSERT_EQ(Steps(one), Steps(two)) << "seed " << seed << ", step " << step;
      for (const Profile* copy : {&a, &b, &c}) {
        if (copy->epoch < one.epoch) continue;
        for (const Event& event : copy->events) {
          ASSERT_EQ(std::count(one.events.begin(), one.events.end(), event),
                    std::count(copy->events.begin(), copy->events.end(), event))
              << "seed " << seed << ", step " << step;
        }
      }
    }
  }
}

TEST(MergeProfile, RandomHistoriesStayWithinLimits) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    const ProfileLimits limits{.max_events = 1 + static_cast<uint32_t>(random() % 20),
                               .max_update_ids = 1 + static_cast<uint32_t>(random() % 8),
                               .max_blend_steps = 1 + static_cast<uint32_t>(random() % 4)};
    World world(seed, true, false, limits);
    for (int step = 0; step < 80; ++step) {
      world.Step();
      const Profile& a = world.replicas[0].profile;
      const Profile& b = world.replicas[1].profile;
      const Profile merged = Merged(a, b, limits);
      ASSERT_EQ(merged, Merged(b, a, limits));
      ASSERT_EQ(Merged(merged, merged, limits), merged);
      ASSERT_LE(merged.events.size(), limits.max_events);
      ASSERT_LE(merged.update_ids.size(), limits.max_update_ids);
      CheckOrder(merged);
      if (!merged.events.empty()) {
        ASSERT_LT(merged.events.back().blend_step, limits.max_blend_steps);
      }
      for (const Event& event : merged.events) {
        const auto same = [&](const Event& e) {
          return e.origin == event.origin && e.item_id == event.item_id && e.time_ms == event.time_ms;
        };
        ASSERT_TRUE(std::any_of(a.events.begin(), a.events.end(), same) ||
                    std::any_of(b.events.begin(), b.events.end(), same));
      }
    }
  }
}

TEST(MergeProfile, OfAHistoryTheLatestEventsStay) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const ProfileLimits limits{.max_events = 1 + static_cast<uint32_t>(seed % 20)};
    World world(seed, false, false, limits);
    for (int step = 0; step < 80; ++step) {
      world.Step();
      for (const Replica& replica : world.replicas) {
        std::vector<int64_t> expected, times;
        for (const auto& [key, at] : replica.Expected()) expected.insert(expected.end(), at.begin(), at.end());
        std::sort(expected.begin(), expected.end());
        if (expected.size() > limits.max_events) expected.erase(expected.begin(), expected.end() - limits.max_events);
        for (const Event& event : replica.profile.events) times.push_back(event.time_ms);
        ASSERT_EQ(times, expected) << "seed " << seed << ", step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace kindred
