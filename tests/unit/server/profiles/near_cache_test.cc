#include "server/profiles/near_cache.h"

#include <gtest/gtest.h>

#include <set>

namespace kindred {
namespace {

using std::chrono::milliseconds;
using State = NearCache::State;

const NearCache::TimePoint kStart = NearCache::TimePoint(std::chrono::hours(1));

SharedProfile ProfileOf(const std::string& user_id, uint64_t version, uint64_t epoch = 0) {
  Profile profile;
  profile.user_id = user_id;
  profile.version = version;
  profile.epoch = epoch;
  return std::make_shared<Profile>(profile);
}

TEST(NearCache, WhatWasLoadedIsFreshForItsTime) {
  NearCache cache({});
  EXPECT_EQ(cache.Find("u", kStart).state, State::kAbsent);
  const SharedProfile profile = ProfileOf("u", 1);
  cache.Load("u", {profile, 7}, kStart);
  cache.Load("nobody", {}, kStart);
  const NearCache::Found found = cache.Find("u", kStart + milliseconds(1999));
  EXPECT_EQ(found.state, State::kFresh);
  EXPECT_EQ(found.known.profile, profile);  // shared, not copied
  EXPECT_EQ(found.known.checksum, 7u);
  EXPECT_EQ(cache.Find("nobody", kStart + milliseconds(999)).state, State::kFresh);
  EXPECT_EQ(cache.Find("nobody", kStart + milliseconds(999)).known.profile, nullptr);
  // Then it is still there, for want of better.
  EXPECT_EQ(cache.Find("u", kStart + milliseconds(2000)).state, State::kExpired);
  EXPECT_EQ(cache.Find("u", kStart + milliseconds(2000)).known.profile, profile);
  EXPECT_EQ(cache.Find("nobody", kStart + milliseconds(1000)).state, State::kExpired);
}

TEST(NearCache, OneReaderRefreshesAheadOfTheEnd) {
  NearCache cache({});
  cache.Load("u", {ProfileOf("u", 1), 7}, kStart);
  EXPECT_FALSE(cache.Find("u", kStart + milliseconds(1199)).refresh);
  EXPECT_TRUE(cache.Find("u", kStart + milliseconds(1801)).refresh);
  EXPECT_FALSE(cache.Find("u", kStart + milliseconds(1802)).refresh);
  cache.Load("u", {ProfileOf("u", 1), 7}, kStart + milliseconds(1803));
  EXPECT_FALSE(cache.Find("u", kStart + milliseconds(1804)).refresh);
}

TEST(NearCache, WhatWasLoadedTogetherIsNotRefreshedTogether) {
  NearCache cache({});
  std::vector<std::string> users;
  for (int i = 0; i < 1000; ++i) users.push_back("user" + std::to_string(i));
  for (const std::string& user : users) cache.Load(user, {ProfileOf(user, 1), 7}, kStart);
  int most = 0, all = 0;
  for (int ms = 1200; ms <= 1800; ms += 50) {
    int now = 0;
    for (const std::string& user : users) now += cache.Find(user, kStart + milliseconds(ms)).refresh;
    most = std::max(most, now);
    all += now;
  }
  EXPECT_EQ(all, 1000);
  EXPECT_LT(most, 200);
}

TEST(NearCache, TheLeastUsedGoWhenBytesRunOut) {
  NearCacheOptions options;
  options.shards = 1;
  options.max_bytes = 20'000;
  NearCache cache(options);
  for (int i = 0; i < 1000; ++i) {
    const std::string user = "user" + std::to_string(i);
    cache.Load(user, {ProfileOf(user, 1), 7}, kStart);
    EXPECT_EQ(cache.Find("user0", kStart).state, State::kFresh) << i;  // used all the time
    EXPECT_LE(cache.bytes(), options.max_bytes);
  }
  EXPECT_GT(cache.entries(), 20u);
  EXPECT_LT(cache.entries(), 200u);
  EXPECT_EQ(cache.Find("user1", kStart).state, State::kAbsent);
  EXPECT_EQ(cache.Find("user999", kStart).state, State::kFresh);
}

TEST(NearCache, APinnedProfileStaysUntilUnpinned) {
  NearCacheOptions options;
  options.shards = 1;
  options.max_bytes = 1000;
  NearCache cache(options);
  const SharedProfile loaded = ProfileOf("u", 1), pinned = ProfileOf("u", 2);
  cache.Load("u", {loaded, 7}, kStart);
  const KnownValue before = cache.Pin("u", pinned);
  EXPECT_EQ(before.profile, loaded);
  EXPECT_EQ(before.checksum, 7u);
  for (int i = 0; i < 100; ++i) cache.Load("user" + std::to_string(i), {ProfileOf("x", 1), 7}, kStart);
  cache.Load("u", {ProfileOf("u", 9), 8}, kStart);
  NearCache::Found found = cache.Find("u", kStart + std::chrono::hours(1));
  EXPECT_EQ(found.state, State::kPinned);
  EXPECT_EQ(found.known.profile, pinned);
  // A newer one is pinned: what Redis has by now is not that.
  const SharedProfile newer = ProfileOf("u", 3);
  EXPECT_EQ(cache.Pin("u", newer).profile, nullptr);
  cache.Unpin("u", {pinned, 9}, kStart);
  EXPECT_EQ(cache.Find("u", kStart).known.profile, newer);
  const SharedProfile merged = ProfileOf("u", 4);
  cache.Repin("u", pinned, merged);
  EXPECT_EQ(cache.Find("u", kStart).known.profile, newer);
  cache.Repin("u", newer, merged);
  EXPECT_EQ(cache.Find("u", kStart).known.profile, merged);
  cache.Unpin("u", {merged, 10}, kStart);
  found = cache.Find("u", kStart + milliseconds(1));
  EXPECT_EQ(found.state, State::kFresh);
  EXPECT_EQ(found.known.checksum, 10u);
  EXPECT_LE(cache.bytes(), 1000u);
}

TEST(NearCache, AReadThatOvertookACommitDoesNotHideIt) {
  NearCache cache({});
  const SharedProfile committed = ProfileOf("u", 6);
  cache.Pin("u", committed);
  cache.Unpin("u", {committed, 7}, kStart);
  cache.Load("u", {ProfileOf("u", 5), 6}, kStart);
  EXPECT_EQ(cache.Find("u", kStart).known.profile, committed);
  cache.Load("u", {}, kStart);
  EXPECT_EQ(cache.Find("u", kStart).known.profile, committed);
  // A deletion elsewhere is newer, whatever its version.
  const SharedProfile deleted = ProfileOf("u", 0, 1);
  cache.Load("u", {deleted, 8}, kStart);
  EXPECT_EQ(cache.Find("u", kStart).known.profile, deleted);
  // What has expired does not stand in the way for ever.
  cache.Load("u", {ProfileOf("u", 1), 9}, kStart + std::chrono::seconds(2));
  EXPECT_EQ(cache.Find("u", kStart + std::chrono::seconds(2)).known.checksum, 9u);
}

}  // namespace
}  // namespace kindred
