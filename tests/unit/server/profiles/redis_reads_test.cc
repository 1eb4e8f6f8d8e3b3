#include "server/profiles/redis_reads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/server/profiles/store_over_fake_redis.h"

namespace kindred {
namespace {

using redis::Failure;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::ItemsOf;
using testing::ProfileOf;
using testing::Soon;
using testing::ValueOf;

using RedisReadsTest = testing::StoreOverFakeRedis;

TEST_F(RedisReadsTest, ReadsComeFromRedisOnceAndThenFromNearby) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 7, {"a", "b"})));
  for (int i = 0; i < 3; ++i) {
    const FetchedProfile fetched = Fetch("u");
    EXPECT_TRUE(fetched.status.ok());
    EXPECT_FALSE(fetched.stale);
    EXPECT_THAT(ItemsOf(fetched.profile), ElementsAre("a", "b"));
    EXPECT_EQ(Fetch("nobody").profile, Profile());
  }
  EXPECT_EQ(redis_.calls("GETRANGE"), 2u);
  EXPECT_EQ(store_->stats().redis_hits.load(), 1u);
  EXPECT_EQ(store_->stats().redis_misses.load(), 1u);
  EXPECT_EQ(store_->stats().near_hits.load(), 2u);
  EXPECT_EQ(store_->stats().negative_hits.load(), 2u);
  EXPECT_EQ(store_->counts().hits, 3u);
  EXPECT_EQ(store_->counts().misses, 3u);
}

TEST_F(RedisReadsTest, TenThousandReadersOfOneColdUserShareOneRead) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 7, {"a"})));
  redis_.Hold();
  constexpr int kReaders = 10'000;
  std::vector<FetchedProfile> out(kReaders);
  std::atomic<int> told{0}, at_once{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < kReaders; i += 4) at_once += store_->Fetch("u", {}, &out[i], [&] { ++told; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told.load(), 0);
  redis_.Release();
  ASSERT_TRUE(Soon([&] { return told.load() == kReaders; }));
  EXPECT_EQ(at_once.load(), 0);
  for (const FetchedProfile& one : out) EXPECT_EQ(one.profile.version, 7u);
  EXPECT_EQ(redis_.calls("GETRANGE"), 1u);
  EXPECT_EQ(store_->stats().joined.load(), kReaders - 1u);
}

// The applier may have to wait for the journal's disk.
TEST_F(RedisReadsTest, ManyAreToldWhateverTheApplierWaitsFor) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 7, {"a"})));
  redis_.Hold();
  std::promise<void> applier_waits, go_on;
  ASSERT_TRUE(Commit(ProfileOf("v", 1, {"a"})).ok());
  store_->AwaitShared("v", Clock::now(), [&, future = go_on.get_future().share()](bool) {
    applier_waits.set_value();
    future.wait();
  });
  applier_waits.get_future().wait();
  std::vector<FetchedProfile> out(100);
  std::atomic<int> told{0};
  for (FetchedProfile& one : out) EXPECT_FALSE(store_->Fetch("u", {}, &one, [&] { ++told; }));
  redis_.Release();
  EXPECT_TRUE(Soon([&] { return told.load() == 100; }));
  go_on.set_value();
  for (const FetchedProfile& one : out) EXPECT_EQ(one.profile.version, 7u);
}

TEST_F(RedisReadsTest, AVersionThatIsAskedForIsLookedForOnceMore) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 5, {"a"})));
  EXPECT_EQ(Fetch("u").profile.version, 5u);
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 6, {"a", "b"})));
  EXPECT_EQ(Fetch("u").profile.version, 5u);
  const FetchedProfile sixth = Fetch("u", 6);
  EXPECT_EQ(sixth.profile.version, 6u);
  EXPECT_FALSE(sixth.stale);
  EXPECT_EQ(store_->stats().forced.load(), 1u);
  const FetchedProfile seventh = Fetch("u", 7);
  EXPECT_EQ(seventh.profile.version, 6u);
  EXPECT_TRUE(seventh.stale);
  EXPECT_TRUE(seventh.status.ok());
  EXPECT_EQ(redis_.calls("GETRANGE"), 3u);
}

// Who joins a read that may have begun before its version was there gets one of its own.
TEST_F(RedisReadsTest, WhoJoinedAReadThatIsTooOldReadsAgain) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 5, {"a"})));
  redis_.Hold();
  FetchedProfile first, second;
  std::atomic<int> told{0};
  EXPECT_FALSE(store_->Fetch("u", {}, &first, [&] { ++told; }));
  ASSERT_TRUE(Soon([&] { return redis_.held() == 1; }));
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 6, {"a", "b"})));
  FetchOptions options;
  options.min_version = 6;
  EXPECT_FALSE(store_->Fetch("u", options, &second, [&] { ++told; }));
  redis_.Release();
  ASSERT_TRUE(Soon([&] { return told.load() == 2; }));
  EXPECT_EQ(first.profile.version, 5u);
  EXPECT_EQ(second.profile.version, 6u);
  EXPECT_FALSE(second.stale);
  EXPECT_EQ(redis_.calls("GETRANGE"), 2u);
}

TEST_F(RedisReadsTest, WithoutRedisTheLastThatIsKnownIsServed) {
  ASSERT_TRUE(Commit(ProfileOf("own", 2, {"a"})).ok());
  ASSERT_TRUE(Applied());
  options_.near_ttl = options_.negative_ttl = std::chrono::milliseconds(0);
  Open();
  redis_.Set("profile:other", ValueOf(ProfileOf("other", 9, {"x"})));
  EXPECT_EQ(Fetch("other").profile.version, 9u);
  for (const bool at_once : {false, true}) {
    at_once ? redis_.FailAtOnce(Failure::kBreakerOpen) : redis_.Fail(Failure::kTimeout);
    const FetchedProfile own = Fetch("own");
    EXPECT_EQ(own.status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(ItemsOf(own.profile), ElementsAre("a"));
    const FetchedProfile other = Fetch("other", 12);
    EXPECT_EQ(other.status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(other.profile.version, 9u);
    EXPECT_TRUE(other.stale);
    EXPECT_EQ(Fetch("nobody").profile, Profile());
  }
  // No time left: the same, without asking.
  redis_.Fail(Failure::kNone);
  const uint64_t asked = redis_.calls("GETRANGE");
  const FetchedProfile late = Fetch("own", 0, Clock::now() - seconds(1));
  EXPECT_EQ(late.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(ItemsOf(late.profile), ElementsAre("a"));
  EXPECT_EQ(redis_.calls("GETRANGE"), asked);
  EXPECT_EQ(store_->counts().errors, 7u);
}

// A read that was sent before a commit must not bring back what was there before.
TEST_F(RedisReadsTest, AReadUnderWayDoesNotHideACommit) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 1, {"a"})));
  redis_.Hold();
  FetchedProfile old;
  std::atomic<bool> told{false};
  EXPECT_FALSE(store_->Fetch("u", {}, &old, [&] { told = true; }));
  ASSERT_TRUE(Soon([&] { return redis_.held() == 1; }));
  ASSERT_TRUE(Commit(ProfileOf("u", 2, {"a", "b"})).ok());
  redis_.Release();
  ASSERT_TRUE(Soon([&] { return told.load(); }));
  EXPECT_EQ(Fetch("u").profile.version, 2u);
  ASSERT_TRUE(Applied());
  EXPECT_EQ(Fetch("u").profile.version, 2u);
}

TEST_F(RedisReadsTest, WhatRedisLostIsServedAndWrittenAgain) {
  const Profile profile = ProfileOf("u", 4, {"a"});
  ASSERT_TRUE(Commit(profile).ok());
  ASSERT_TRUE(Applied());
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  redis_.Clear(false);
  EXPECT_EQ(Fetch("u").profile, profile);
  EXPECT_TRUE(Fetch("u").status.ok());
  ASSERT_TRUE(Soon([&] { return InRedis("u") == profile; }));
  // Lost, and begun anew by somebody who did not know it.
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 9, {"anew"})));
  ASSERT_TRUE(Soon([&] { return ItemsOf(Fetch("u").profile).size() == 2; }));
  ASSERT_TRUE(Soon([&] { return InRedis("u").version == 10; }));
  EXPECT_THAT(ItemsOf(InRedis("u")), ::testing::UnorderedElementsAre("a", "anew"));
}

// Redis keeps the latest events that fit, the journal all: a read shows all, and asks Redis for no more than it can
// hold.
TEST_F(RedisReadsTest, WhatDoesNotFitIsReadAllTheSame) {
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  std::vector<std::string> items;
  for (int i = 0; i < 200; ++i) items.push_back(std::string(100, 'a' + i % 26) + std::to_string(i * 7919));
  const Profile large = ProfileOf("u", 4, items);
  ASSERT_TRUE(Commit(large).ok());
  ASSERT_TRUE(Applied());
  Open();
  ASSERT_TRUE(store_->Drain(Clock::now() + seconds(20)));
  EXPECT_EQ(Fetch("u").profile, large);
  EXPECT_EQ(Fetch("u").profile, large);
  EXPECT_LT(InRedis("u").events.size(), large.events.size());
  EXPECT_EQ(store_->stats().reapplied.load(), 0u);
}

TEST_F(RedisReadsTest, WhatIsOlderThanItsTimeIsNotBroughtBack) {
  Profile old = ProfileOf("u", 4, {"a"});
  old.updated_ms = NowMs() - options_.ttl.count() - 1000;
  ASSERT_TRUE(Commit(old).ok());
  ASSERT_TRUE(Applied());
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  redis_.Clear(false);
  EXPECT_EQ(Fetch("u").profile, Profile());
}

TEST_F(RedisReadsTest, ReadsExtendTheTimeOfWhatHasLessThanHalfLeft) {
  Profile old = ProfileOf("old", 1, {"a"}), young = ProfileOf("young", 1, {"a"});
  old.updated_ms -= options_.ttl.count() * 6 / 10;
  young.updated_ms -= options_.ttl.count() * 4 / 10;
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  redis_.Set("profile:old", ValueOf(old));
  redis_.Set("profile:young", ValueOf(young));
  for (int i = 0; i < 10; ++i) {
    Fetch("old");
    Fetch("young");
  }
  EXPECT_TRUE(Soon([&] { return redis_.calls("PEXPIRE") == 1; }));
  EXPECT_NEAR(redis_.TtlOf("profile:old"), options_.ttl.count(), options_.ttl.count() / 10.0 + 1);
  EXPECT_EQ(redis_.TtlOf("profile:young"), 0);
  EXPECT_EQ(store_->stats().extensions.load(), 1u);
}

TEST_F(RedisReadsTest, WhatIsReadOftenIsReadAheadOfItsEnd) {
  options_.near_ttl = std::chrono::milliseconds(100);
  Open();
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 1, {"a"})));
  EXPECT_TRUE(Soon([&] {
    Fetch("u");
    return store_->stats().refreshes.load() > 0;
  }));
}

}  // namespace
}  // namespace kindred
