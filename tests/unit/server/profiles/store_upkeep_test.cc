#include "server/profiles/store_upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/server/profiles/store_over_fake_redis.h"

namespace kindred {
namespace {

using redis::Failure;
using std::chrono::seconds;
using testing::ProfileOf;
using testing::Soon;

using StoreUpkeepTest = testing::StoreOverFakeRedis;

TEST_F(StoreUpkeepTest, AnotherServerIsGivenEverything) {
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(Commit(ProfileOf("u" + std::to_string(i), 1, {"a"})).ok());
  ASSERT_TRUE(Applied());
  redis_.Clear(true);
  store_->OnNewServer("node:1", "another");
  EXPECT_TRUE(Soon([&] {
    int there = 0;
    for (int i = 0; i < 500; ++i) there += InRedis("u" + std::to_string(i)).version == 1;
    return there == 500;
  }));
  EXPECT_TRUE(store_->Drain(Clock::now() + seconds(20)));
  EXPECT_EQ(store_->stats().replays.load(), 500u);
  EXPECT_EQ(store_->stats().new_servers.load(), 1u);
}

// The write went to a server that is gone; its reply is not worth anything any more.
TEST_F(StoreUpkeepTest, AReplyOfTheLastServerIsNotTakenForDone) {
  redis_.Hold();
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"a"})).ok());
  ASSERT_TRUE(Soon([&] { return redis_.held() > 0 && redis_.calls("EVALSHA") > 0; }));
  redis_.Release();
  ASSERT_TRUE(Applied());
  redis_.Hold();
  ASSERT_TRUE(Commit(ProfileOf("v", 1, {"a"})).ok());
  ASSERT_TRUE(Soon([&] { return redis_.held() == 1; }));
  redis_.Clear(false);
  store_->OnNewServer("node:1", "another");
  redis_.Release();
  EXPECT_TRUE(Soon([&] { return InRedis("u").version == 1 && InRedis("v").version == 1; }));
  EXPECT_TRUE(Applied());
}

TEST_F(StoreUpkeepTest, WhatOneProcessLeftTheNextWrites) {
  redis_.FailAtOnce(Failure::kConnection);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Commit(ProfileOf("u" + std::to_string(i), 1, {"a"})).ok());
  store_.reset();
  redis_.Fail(Failure::kNone);
  Open();
  EXPECT_TRUE(store_->Drain(Clock::now() + seconds(20)));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(InRedis("u" + std::to_string(i)).version, 1u);
  std::atomic<int> shared{-1};
  store_->AwaitShared("u1", Clock::now() + seconds(20), [&](bool ok) { shared = ok; });
  EXPECT_TRUE(Soon([&] { return shared.load() == 1; }));
}

TEST_F(StoreUpkeepTest, AServerThatIsKnownIsNotGivenEverythingAgain) {
  options_.servers_file = dir_.File("servers");
  Open();
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"a"})).ok());
  store_->OnNewServer("node:1", "run");
  EXPECT_TRUE(Soon([&] { return store_->stats().new_servers.load() == 1; }));
  EXPECT_TRUE(store_->Drain(Clock::now() + seconds(20)));
  Open();
  store_->OnNewServer("node:1", "run");
  EXPECT_TRUE(store_->Drain(Clock::now() + seconds(20)));
  EXPECT_EQ(store_->stats().replays.load(), 0u);
  // Later, it is another reason.
  store_->OnNewServer("node:1", "run");
  EXPECT_TRUE(Soon([&] { return store_->stats().new_servers.load() == 1 && store_->stats().replays.load() == 1; }));
}

// It was the master before the one that this process began with, and has not what that one took.
TEST_F(StoreUpkeepTest, AServerOfLongAgoIsGivenEverything) {
  options_.servers_file = dir_.File("servers");
  Open();
  store_->OnNewServer("x:1", "x");
  ASSERT_TRUE(Soon([&] { return store_->stats().new_servers.load() == 1; }));
  store_->OnNewServer("y:1", "y");
  ASSERT_TRUE(Soon([&] { return store_->stats().new_servers.load() == 2; }));
  Open();
  store_->OnNewServer("y:1", "y");
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"a"})).ok());
  ASSERT_TRUE(Applied());
  EXPECT_EQ(store_->stats().new_servers.load(), 0u);
  redis_.Clear(false);
  store_->OnNewServer("x:1", "x");
  EXPECT_TRUE(Soon([&] { return InRedis("u").version == 1; }));
}

TEST_F(StoreUpkeepTest, AKnownNodeOfAClusterIsGivenEverythingWhenItIsMetLate) {
  options_.servers_file = dir_.File("servers");
  options_.scan = false;
  Open();
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"a"})).ok());
  for (const char* node : {"node:1", "node:2"}) store_->OnNewServer(node, "run");
  ASSERT_TRUE(Soon([&] {
    KnownServers known(options_.servers_file);
    return known.IsOld("node:1", "run") && known.IsOld("node:2", "run");
  }));
  EXPECT_TRUE(store_->Drain(Clock::now() + seconds(20)));
  // In time: both have it all.
  options_.meeting = std::chrono::hours(1);
  Open();
  for (const char* node : {"node:1", "node:2"}) store_->OnNewServer(node, "run");
  // Whoever is met after them is met when they have been.
  store_->OnNewServer("node:3", "run");
  EXPECT_TRUE(Soon([&] { return store_->stats().replays.load() == 1; }));
  EXPECT_TRUE(store_->Drain(Clock::now() + seconds(20)));
  EXPECT_EQ(store_->stats().new_servers.load(), 1u);
  // Too late: it may have become a master since.
  options_.meeting = std::chrono::milliseconds(0);
  Open();
  redis_.Clear(false);
  store_->OnNewServer("node:2", "run");
  EXPECT_TRUE(Soon([&] { return InRedis("u").version == 1; }));
  EXPECT_EQ(store_->stats().new_servers.load(), 1u);
}

TEST_F(StoreUpkeepTest, AnEmptiedRedisIsNoticed) {
  options_.canary_interval = std::chrono::milliseconds(2);
  Open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Commit(ProfileOf("u" + std::to_string(i), 1, {"a"})).ok());
  ASSERT_TRUE(Applied());
  ASSERT_TRUE(Soon([&] { return redis_.calls("SET") > 1; }));
  EXPECT_EQ(store_->stats().new_servers.load(), 0u);
  redis_.Clear(false);
  EXPECT_TRUE(Soon([&] { return InRedis("u0").version == 1 && InRedis("u19").version == 1; }));
  EXPECT_EQ(store_->stats().new_servers.load(), 1u);
}

}  // namespace
}  // namespace kindred
