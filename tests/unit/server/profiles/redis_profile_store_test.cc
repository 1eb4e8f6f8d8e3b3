// The redis profile store over a Redis that does what a test wants. See redis_store_test.cc for a real one.
#include "server/profiles/redis_profile_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "server/profiles/stored_profile.h"
#include "server/request_events.h"
#include "tests/support/files.h"
#include "tests/unit/server/profiles/fake_redis.h"

namespace kindred {
namespace {

using redis::Failure;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::FakeRedis;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// Whether `condition` comes true before long.
bool Soon(const std::function<bool()>& condition) {
  const Clock::time_point end = Clock::now() + seconds(20);
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Profile ProfileOf(const std::string& user_id, uint64_t version, const std::vector<std::string>& items) {
  Profile profile;
  profile.user_id = user_id;
  profile.version = version;
  profile.updated_ms = NowMs();
  for (size_t i = 0; i < items.size(); ++i) {
    const auto origin = static_cast<uint32_t>(std::hash<std::string>()(items[i]));
    profile.events.push_back({items[i], "view", static_cast<int64_t>(i + 1), 1.0, 0, origin});
  }
  return profile;
}

std::string ValueOf(const Profile& profile) {
  ProfileCodecScratch scratch;
  std::string value;
  EncodeStored(profile, &scratch, &value);
  return value;
}

std::vector<std::string> ItemsOf(const Profile& profile) {
  std::vector<std::string> items;
  for (const Event& event : profile.events) items.push_back(event.item_id);
  return items;
}

class RedisProfileStoreTest : public ::testing::Test {
 protected:
  RedisProfileStoreTest() {
    options_.canary_interval = {};
    options_.read_timeout = seconds(10);
    Open();
  }

  // As after a start of the process.
  void Open() {
    store_.reset();
    auto journal = ProfileJournal::Open(dir_.File("journal"), 1 << 20);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = journal->get();
    store_ = std::make_unique<RedisProfileStore>(&redis_, *std::move(journal), options_);
  }

  FetchedProfile Fetch(const std::string& user_id, uint64_t min_version = 0,
                       Clock::time_point deadline = Clock::time_point::max()) {
    FetchedProfile out;
    out.profile = ProfileOf("somebody else", 99, {"left over"});
    std::promise<void> told;
    FetchOptions options;
    options.min_version = min_version;
    options.deadline = deadline;
    if (!store_->Fetch(user_id, options, &out, [&] { told.set_value(); })) told.get_future().wait();
    return out;
  }
  absl::Status Commit(const Profile& profile) {
    const Profile* const one[] = {&profile};
    return store_->Commit(one);
  }
  Profile InRedis(const std::string& user_id) {
    ProfileCodecScratch scratch;
    Profile profile;
    DecodeProfile(user_id, redis_.Get("profile:" + user_id), &scratch, &profile);
    return profile;
  }
  bool Applied() {
    return Soon([&] { return store_->stats().backlog.load() == 0; });
  }

  testing::TempDir dir_;
  FakeRedis redis_;
  RedisStoreOptions options_;
  ProfileJournal* journal_ = nullptr;
  std::unique_ptr<RedisProfileStore> store_;
};

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

TEST_F(RedisProfileStoreTest, ReadsComeFromRedisOnceAndThenFromNearby) {
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

TEST_F(RedisProfileStoreTest, TenThousandReadersOfOneColdUserShareOneRead) {
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

TEST_F(RedisProfileStoreTest, AVersionThatIsAskedForIsLookedForOnceMore) {
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
TEST_F(RedisProfileStoreTest, WhoJoinedAReadThatIsTooOldReadsAgain) {
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

TEST_F(RedisProfileStoreTest, WithoutRedisTheLastThatIsKnownIsServed) {
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

TEST_F(RedisProfileStoreTest, AReplicaThatHasNotSeenAValueMergesItBeforeReplacingIt) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 3, {"theirs"})));
  std::atomic<int> shared{-1};
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"ours"})).ok());
  store_->AwaitShared("u", Clock::now() + seconds(20), [&](bool ok) { shared = ok; });
  ASSERT_TRUE(Soon([&] { return shared.load() == 1; }));
  ASSERT_TRUE(Applied());
  const Profile merged = InRedis("u");
  EXPECT_THAT(ItemsOf(merged), ::testing::UnorderedElementsAre("theirs", "ours"));
  EXPECT_EQ(merged.version, 4u);
  EXPECT_EQ(store_->stats().conflicts.load(), 1u);
  EXPECT_EQ(Fetch("u").profile, merged);
  Profile journaled;
  ASSERT_TRUE(*journal_->Get("u", &journaled));
  EXPECT_EQ(journaled, merged);
}

TEST_F(RedisProfileStoreTest, WhatWasReadBeforeNeedsNoSecondTry) {
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 3, {"a"})));
  Profile profile = Fetch("u").profile;
  for (int i = 0; i < 5; ++i) {
    profile.events.push_back({"b" + std::to_string(i), "view", 10 + i, 1.0, 0, 77u + i});
    ++profile.version;
    ASSERT_TRUE(Commit(profile).ok());
    ASSERT_TRUE(Applied());
  }
  EXPECT_EQ(InRedis("u"), profile);
  EXPECT_EQ(store_->stats().conflicts.load(), 0u);
  EXPECT_EQ(store_->stats().applied.load(), 5u);
}

TEST_F(RedisProfileStoreTest, AnUpdateTriedAtTwoReplicasCountsOnce) {
  const Profile theirs = ProfileOf("u", 1, {"a"});
  redis_.Set("profile:u", ValueOf(theirs));
  ASSERT_TRUE(Commit(theirs).ok());
  ASSERT_TRUE(Applied());
  EXPECT_THAT(ItemsOf(InRedis("u")), ElementsAre("a"));
  EXPECT_EQ(InRedis("u").version, 1u);
}

TEST_F(RedisProfileStoreTest, ACommitDuringAWriteFollowsIt) {
  redis_.Hold();
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"a"})).ok());
  ASSERT_TRUE(Soon([&] { return redis_.held() == 1; }));
  ASSERT_TRUE(Commit(ProfileOf("u", 2, {"a", "b"})).ok());
  EXPECT_EQ(Fetch("u").profile.version, 2u);
  redis_.Release();
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("u").version, 2u);
  EXPECT_THAT(ItemsOf(InRedis("u")), ElementsAre("a", "b"));
  EXPECT_EQ(store_->stats().conflicts.load(), 0u);
}

// A read that was sent before a commit must not bring back what was there before.
TEST_F(RedisProfileStoreTest, AReadUnderWayDoesNotHideACommit) {
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

TEST_F(RedisProfileStoreTest, WritesGoOnWhenRedisIsBack) {
  redis_.FailAtOnce(Failure::kBreakerOpen);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Commit(ProfileOf("u" + std::to_string(i), 1, {"a"})).ok());
  ASSERT_TRUE(Soon([&] { return store_->stats().failures.load() >= 3; }));
  std::atomic<int> shared{-1};
  store_->AwaitShared("u7", Clock::now(), [&](bool ok) { shared = ok; });
  ASSERT_TRUE(Soon([&] { return shared.load() == 0; }));
  EXPECT_EQ(store_->stats().backlog.load(), 100u);
  EXPECT_GT(store_->stats().backlog_since_ms.load(), 0);
  redis_.Fail(Failure::kReadOnly);
  const uint64_t failures = store_->stats().failures.load();
  ASSERT_TRUE(Soon([&] { return store_->stats().failures.load() > failures; }));
  redis_.Fail(Failure::kNone);
  ASSERT_TRUE(Applied());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(InRedis("u" + std::to_string(i)).version, 1u);
  EXPECT_EQ(redis_.calls("EVAL"), 1u);  // after that the server knows the script
}

TEST_F(RedisProfileStoreTest, TooManyThatWaitStopUpdatesButNotReads) {
  options_.max_backlog = 10;
  Open();
  redis_.FailAtOnce(Failure::kBreakerOpen);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Commit(ProfileOf("u" + std::to_string(i), 1, {"a"})).ok());
  const absl::Status refused = Commit(ProfileOf("one more", 1, {"a"}));
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("10 profiles wait for Redis, the oldest since 2"));
  EXPECT_TRUE(Commit(ProfileOf("u3", 2, {"a", "b"})).ok());  // takes no more room
  EXPECT_EQ(Fetch("u3").profile.version, 2u);
  EXPECT_EQ(Fetch("one more").profile, Profile());
  redis_.Fail(Failure::kNone);
  ASSERT_TRUE(Applied());
  EXPECT_TRUE(Commit(ProfileOf("one more", 1, {"a"})).ok());
}

TEST_F(RedisProfileStoreTest, ADeletionWinsOverTheCopyOfAnother) {
  ASSERT_TRUE(Commit(ProfileOf("u", 5, {"a"})).ok());
  ASSERT_TRUE(Applied());
  Profile nobody;
  nobody.user_id = "u";
  ASSERT_TRUE(Commit(nobody).ok());
  FetchedProfile fetched = Fetch("u");
  EXPECT_EQ(fetched.profile.version, 0u);
  EXPECT_EQ(fetched.profile.epoch, 1u);
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("u").epoch, 1u);
  EXPECT_GE(redis_.TtlOf("profile:u"), options_.ttl.count());
  // Somebody who was away writes what it had.
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 6, {"a", "late"})));
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  fetched = Fetch("u");
  EXPECT_EQ(fetched.profile.version, 0u);
  EXPECT_EQ(fetched.profile.epoch, 1u);
  ASSERT_TRUE(Soon([&] { return InRedis("u").epoch == 1; }));
  // And here it is the other that has deleted: our older copy gives way.
  Profile deleted = ProfileOf("v", 0, {});
  deleted.epoch = 2;
  redis_.Set("profile:v", ValueOf(deleted));
  ASSERT_TRUE(Commit(ProfileOf("v", 3, {"x"})).ok());
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("v").version, 0u);
  EXPECT_EQ(InRedis("v").epoch, 2u);
  EXPECT_EQ(Fetch("v").profile.epoch, 2u);
}

TEST_F(RedisProfileStoreTest, WhatRedisLostIsServedAndWrittenAgain) {
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

TEST_F(RedisProfileStoreTest, WhatIsOlderThanItsTimeIsNotBroughtBack) {
  Profile old = ProfileOf("u", 4, {"a"});
  old.updated_ms = NowMs() - options_.ttl.count() - 1000;
  ASSERT_TRUE(Commit(old).ok());
  ASSERT_TRUE(Applied());
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  redis_.Clear(false);
  EXPECT_EQ(Fetch("u").profile, Profile());
}

TEST_F(RedisProfileStoreTest, AnotherServerIsGivenEverything) {
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
TEST_F(RedisProfileStoreTest, AReplyOfTheLastServerIsNotTakenForDone) {
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

TEST_F(RedisProfileStoreTest, WhatOneProcessLeftTheNextWrites) {
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

TEST_F(RedisProfileStoreTest, AServerThatIsKnownIsNotGivenEverythingAgain) {
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

TEST_F(RedisProfileStoreTest, AnEmptiedRedisIsNoticed) {
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

struct Damage {
  const char* name;
  Corruption reason;
  std::string value;  // empty: another type
};

class DamagedValueTest : public RedisProfileStoreTest, public ::testing::WithParamInterface<int> {
 protected:
  static std::vector<Damage> All() {
    std::string damaged = ValueOf(ProfileOf("u", 3, {"a"}));
    damaged[damaged.size() - 1] = static_cast<char>(damaged.back() ^ 1);
    return {{"foreign", Corruption::kMagic, "something else, and long enough"},
            {"short", Corruption::kMagic, "x"},
            {"damaged", Corruption::kChecksum, damaged},
            {"truncated", Corruption::kChecksum, damaged.substr(0, 12)},
            {"crossed", Corruption::kCrossed, ValueOf(ProfileOf("v", 3, {"secret"}))},
            {"huge", Corruption::kTooLarge, std::string(10 << 20, 'x')},
            {"type", Corruption::kMagic, ""}};
  }
  void Put(const Damage& damage) {
    damage.value.empty() ? redis_.SetOtherType("profile:u") : redis_.Set("profile:u", damage.value);
  }
};

TEST_P(DamagedValueTest, IsAMissAndIsRepairedFromTheJournal) {
  const Damage damage = All()[GetParam()];
  const Profile profile = ProfileOf("u", 4, {"a"});
  ASSERT_TRUE(Commit(profile).ok());
  ASSERT_TRUE(Applied());
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  Put(damage);
  const FetchedProfile fetched = Fetch("u");
  EXPECT_TRUE(fetched.status.ok());
  EXPECT_EQ(fetched.profile, profile);
  EXPECT_GE(store_->stats().corrupt[static_cast<size_t>(damage.reason)].load(), 1u);
  EXPECT_TRUE(Soon([&] { return InRedis("u") == profile; }));
  EXPECT_TRUE(Applied());
  EXPECT_EQ(store_->stats().repairs.load(), 1u);
}

TEST_P(DamagedValueTest, IsDeletedWhenTheJournalHasNothing) {
  const Damage damage = All()[GetParam()];
  Put(damage);
  const FetchedProfile fetched = Fetch("u");
  EXPECT_TRUE(fetched.status.ok());
  EXPECT_EQ(fetched.profile, Profile());
  EXPECT_EQ(store_->stats().corrupt[static_cast<size_t>(damage.reason)].load(), 1u);
  EXPECT_TRUE(Soon([&] { return redis_.TtlOf("profile:u") == -2; }));
  EXPECT_TRUE(Soon([&] { return store_->stats().repairs.load() == 1; }));
}

TEST_P(DamagedValueTest, IsWrittenOverByACommit) {
  Put(All()[GetParam()]);
  const Profile profile = ProfileOf("u", 1, {"a"});
  ASSERT_TRUE(Commit(profile).ok());
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("u"), profile);
  EXPECT_EQ(store_->stats().repairs.load(), 1u);
}

std::string DamageName(const ::testing::TestParamInfo<int>& info) {
  const char* const names[] = {"foreign", "short", "damaged", "truncated", "crossed", "huge", "type"};
  return names[info.param];
}

INSTANTIATE_TEST_SUITE_P(All, DamagedValueTest, ::testing::Range(0, 7), DamageName);

TEST_F(RedisProfileStoreTest, ReadsExtendTheTimeOfWhatHasLessThanHalfLeft) {
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

TEST_F(RedisProfileStoreTest, WhatIsReadOftenIsReadAheadOfItsEnd) {
  options_.near_ttl = std::chrono::milliseconds(100);
  Open();
  redis_.Set("profile:u", ValueOf(ProfileOf("u", 1, {"a"})));
  EXPECT_TRUE(Soon([&] {
    Fetch("u");
    return store_->stats().refreshes.load() > 0;
  }));
}

TEST_F(RedisProfileStoreTest, AllProfilesCanBeListed) {
  redis_.Set("profile:theirs", ValueOf(ProfileOf("theirs", 3, {"a"})));
  redis_.Set("profile:bad", "bad");
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
