#include "server/profiles/redis_profile_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/profiles/store_over_fake_redis.h"

namespace kindred {
namespace {

using redis::Failure;
using testing::ProfileOf;
using testing::ValueOf;

using RedisProfileStoreTest = testing::StoreOverFakeRedis;

TEST_F(RedisProfileStoreTest, WhatWasCommittedIsReadAtOnceAndReachesRedis) {
  redis_.Hold();
  const Profile profile = ProfileOf("u", 1, {"a"});
  ASSERT_TRUE(Commit(profile).ok());
  EXPECT_EQ(Fetch("u").profile, profile);
  Profile got;
  EXPECT_TRUE(*store_->Get("u", &got));
  EXPECT_EQ(got, profile);
  EXPECT_EQ(store_->stats().overlay_hits.load(), 1u);
  EXPECT_EQ(store_->stats().backlog.load(), 1u);
  redis_.Release();
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("u"), profile);
  EXPECT_NEAR(redis_.TtlOf("profile:u"), options_.ttl.count(), options_.ttl.count() / 10.0 + 1);
  EXPECT_EQ(Fetch("u").profile, profile);
  EXPECT_EQ(store_->stats().near_hits.load(), 1u);
  EXPECT_EQ(redis_.calls("GETRANGE"), 0u);
}

TEST_F(RedisProfileStoreTest, AllProfilesCanBeListed) {
  redis_.Set("profile:theirs", ValueOf(ProfileOf("theirs", 3, {"a"})));
  redis_.Set("profile:bad", "bad");
  redis_.Set("short", "x");
  redis_.Set("other:x", ValueOf(ProfileOf("x", 3, {"a"})));
  ASSERT_TRUE(Commit(ProfileOf("both", 1, {"a"})).ok());
  ASSERT_TRUE(Applied());
  redis_.FailAtOnce(Failure::kConnection);
  ASSERT_TRUE(Commit(ProfileOf("ours", 1, {"a"})).ok());
  EXPECT_EQ(store_->ForEach([](const Profile&) { return true; }).code(), absl::StatusCode::kUnavailable);
  redis_.Fail(Failure::kNone);
  std::vector<std::string> users;
  EXPECT_TRUE(store_
                  ->ForEach([&](const Profile& profile) {
                    users.push_back(profile.user_id);
                    return true;
                  })
                  .ok());
  EXPECT_THAT(users, ::testing::UnorderedElementsAre("theirs", "both", "ours"));
  int visited = 0;
  EXPECT_TRUE(store_->ForEach([&](const Profile& profile) { return ++visited < 2; }).ok());
  EXPECT_EQ(visited, 2);
}

TEST_F(RedisProfileStoreTest, WhatItPromises) {
  EXPECT_EQ(store_->name(), "redis");
  EXPECT_TRUE(store_->remote());
  EXPECT_EQ(store_->durability(), StoreDurability::kJournal);
}

}  // namespace
}  // namespace kindred
