#include "server/profiles/profile_applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <utility>

#include "server/redis/key_slot.h"
#include "tests/unit/server/profiles/store_over_fake_redis.h"

namespace kindred {
namespace {

using redis::Failure;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ItemsOf;
using testing::ProfileOf;
using testing::Soon;
using testing::ValueOf;

using ProfileApplierTest = testing::StoreOverFakeRedis;

// In front of a Redis: fails at once what is for one part of the slots, as a breaker does.
class HalfARedis final : public redis::Client {
 public:
  explicit HalfARedis(redis::Client* redis) : redis_(redis) {}
  void Execute(redis::Command command, std::chrono::steady_clock::time_point deadline, Done done) override {
    if (!failing || !IsOfFailing(command.key)) return redis_->Execute(std::move(command), deadline, std::move(done));
    ++failed;
    redis::Reply reply;
    reply.failure = Failure::kBreakerOpen;
    done(std::move(reply));
  }
  static bool IsOfFailing(const std::string& key) { return redis::KeySlot(key) < redis::kSlots / 2; }

  std::atomic<bool> failing{true};
  std::atomic<uint64_t> failed{0};

 private:
  redis::Client* const redis_;
};

TEST_F(ProfileApplierTest, AReplicaThatHasNotSeenAValueMergesItBeforeReplacingIt) {
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

TEST_F(ProfileApplierTest, WhatWasReadBeforeNeedsNoSecondTry) {
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

TEST_F(ProfileApplierTest, AnUpdateTriedAtTwoReplicasCountsOnce) {
  const Profile theirs = ProfileOf("u", 1, {"a"});
  redis_.Set("profile:u", ValueOf(theirs));
  ASSERT_TRUE(Commit(theirs).ok());
  ASSERT_TRUE(Applied());
  EXPECT_THAT(ItemsOf(InRedis("u")), ElementsAre("a"));
  EXPECT_EQ(InRedis("u").version, 1u);
}

TEST_F(ProfileApplierTest, ACommitDuringAWriteFollowsIt) {
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

TEST_F(ProfileApplierTest, WritesGoOnWhenRedisIsBack) {
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

TEST_F(ProfileApplierTest, AMasterThatFailsKeepsNobodyElseWaiting) {
  HalfARedis cluster(&redis_);
  options_.scan = false;
  store_.reset();
  auto journal = ProfileJournal::Open(dir_.File("of_cluster"), 1 << 20);
  ASSERT_TRUE(journal.ok()) << journal.status();
  RedisProfileStore store(&cluster, *std::move(journal), options_);
  // Many more than are written at a time.
  std::vector<Profile> profiles;
  for (int i = 0; i < 1000; ++i) profiles.push_back(ProfileOf("u" + std::to_string(i), 1, {"a"}));
  std::vector<const Profile*> of_failing, of_others;
  for (const Profile& profile : profiles) {
    (HalfARedis::IsOfFailing("profile:" + profile.user_id) ? of_failing : of_others).push_back(&profile);
  }
  ASSERT_GT(of_failing.size(), 400u);
  ASSERT_GT(of_others.size(), 400u);
  ASSERT_TRUE(store.Commit(of_failing).ok());
  ASSERT_TRUE(Soon([&] { return cluster.failed.load() > 0; }));
  ASSERT_TRUE(store.Commit(of_others).ok());
  EXPECT_TRUE(Soon([&] { return store.stats().backlog.load() == of_failing.size(); }));
  EXPECT_EQ(store.stats().applied.load(), of_others.size());
  cluster.failing = false;
  EXPECT_TRUE(Soon([&] { return store.stats().backlog.load() == 0; }));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(InRedis("u" + std::to_string(i)).version, 1u);
}

TEST_F(ProfileApplierTest, TooManyThatWaitStopUpdatesButNotReads) {
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

TEST_F(ProfileApplierTest, ADeletionWinsOverTheCopyOfAnother) {
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

// Neither replica knew what the other did.
TEST_F(ProfileApplierTest, DeletionsAndUpdatesThatHaveNotSeenOneAnother) {
  Profile anew = ProfileOf("u", 7, {"a"});
  anew.epoch = 3;
  redis_.Set("profile:u", ValueOf(anew));
  Profile nobody;
  nobody.user_id = "u";
  ASSERT_TRUE(Commit(nobody).ok());  // epoch 1, for all that is known here
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("u").version, 0u);
  EXPECT_EQ(InRedis("u").epoch, 4u);
  EXPECT_EQ(Fetch("u").profile.version, 0u);

  Profile deleted = ProfileOf("v", 0, {});
  deleted.epoch = 1;
  deleted.updated_ms -= 1000;
  redis_.Set("profile:v", ValueOf(deleted));
  Profile back = ProfileOf("v", 1, {"back"});
  back.events[0].time_ms = NowMs();
  ASSERT_TRUE(Commit(back).ok());
  ASSERT_TRUE(Applied());
  EXPECT_THAT(ItemsOf(InRedis("v")), ElementsAre("back"));
  EXPECT_EQ(InRedis("v").epoch, 1u);
  EXPECT_THAT(ItemsOf(Fetch("v").profile), ElementsAre("back"));
}

// Whatever Redis answers, the process ends.
TEST_F(ProfileApplierTest, AServerThatKnowsNoScriptDoesNotKeepItFromEnding) {
  redis_.Fail(Failure::kNoScript);
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"a"})).ok());
  ASSERT_TRUE(Soon([&] { return store_->stats().failures.load() >= 2; }));
  store_.reset();
  EXPECT_GE(redis_.calls("EVAL"), 2u);
}

TEST_F(ProfileApplierTest, AValueThatIsAnotherEachTimeDoesNotKeepItFromEnding) {
  std::atomic<uint64_t> version{10};
  redis_.set_before([&](const std::string& name) {
    if (name != "EVALSHA" && name != "EVAL") return;
    const uint64_t next = ++version;
    redis_.Set("profile:u", ValueOf(ProfileOf("u", next, {std::to_string(next)})));
  });
  ASSERT_TRUE(Commit(ProfileOf("u", 1, {"a"})).ok());
  ASSERT_TRUE(Soon([&] { return store_->stats().failures.load() >= 1; }));
  EXPECT_GE(store_->stats().conflicts.load(), 16u);
  store_.reset();
  redis_.set_before(nullptr);
}

// The deletion arrived, its reply was lost, and another replica built on it: with events that are older than it, too.
TEST_F(ProfileApplierTest, ADeletionThatIsTriedAgainSparesWhatCameAfterIt) {
  ASSERT_TRUE(Commit(ProfileOf("u", 5, {"a"})).ok());
  ASSERT_TRUE(Applied());
  const uint64_t failures = store_->stats().failures.load();
  redis_.Fail(Failure::kTimeout);
  Profile nobody;
  nobody.user_id = "u";
  ASSERT_TRUE(Commit(nobody).ok());
  ASSERT_TRUE(Soon([&] { return store_->stats().failures.load() > failures; }));
  Profile anew = ProfileOf("u", 1, {"anew"});
  anew.epoch = 1;
  redis_.Set("profile:u", ValueOf(anew));
  redis_.Fail(Failure::kNone);
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("u"), anew);
  EXPECT_EQ(Fetch("u").profile, anew);
}

}  // namespace
}  // namespace kindred
