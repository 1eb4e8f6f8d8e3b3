#include "server/profiles/profile_backlog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

SharedProfile ProfileOf(const std::string& user_id, uint64_t version) {
  Profile profile;
  profile.user_id = user_id;
  profile.version = version;
  return std::make_shared<Profile>(profile);
}

class ProfileBacklogTest : public ::testing::Test {
 protected:
  void Add(const std::string& user_id, uint64_t version, BacklogClass kind = BacklogClass::kFresh) {
    backlog_.Add(user_id, ProfileOf(user_id, version), {}, kind);
  }
  // The users of all that is handed out, in order.
  std::vector<std::string> TakeAll(bool replays_too = true) {
    std::vector<std::string> users;
    while (auto item = backlog_.Next(replays_too)) users.push_back(item->user_id);
    return users;
  }

  RedisStoreStats stats_;
  ProfileBacklog backlog_{&stats_};
  std::vector<ProfileBacklog::Shared> waiting_;
  const std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
};

TEST_F(ProfileBacklogTest, TheOldestFirstAndFreshOnesBeforeReplays) {
  Add("replay", 1, BacklogClass::kReplay);
  Add("a", 1);
  Add("b", 1);
  Add("a", 2);  // keeps its place
  EXPECT_EQ(backlog_.size(), 3u);
  EXPECT_EQ(backlog_.replays(), 1u);
  EXPECT_GT(backlog_.since_ms(), 0);
  EXPECT_THAT(TakeAll(false), ElementsAre("a", "b"));
  EXPECT_THAT(TakeAll(), ElementsAre("replay"));
  EXPECT_EQ(backlog_.size(), 3u);  // held, not gone
}

TEST_F(ProfileBacklogTest, GroupsTakeTurnsAndOneThatRestsKeepsNobodyWaiting) {
  const BacklogGroups groups(true, "profile:");
  ProfileBacklog backlog(&stats_, groups);
  std::string other = "b0";
  for (int i = 1; groups.Of(other) == groups.Of("a"); ++i) other = "b" + std::to_string(i);
  std::string like = "a0";
  for (int i = 1; groups.Of(like) != groups.Of("a"); ++i) like = "a" + std::to_string(i);
  for (const std::string& user : {std::string("a"), like, other}) {
    EXPECT_LT(groups.Of(user), backlog.groups());
    backlog.Add(user, ProfileOf(user, 1), {}, BacklogClass::kReplay);
  }
  EXPECT_EQ(backlog.ReplaysLike("a"), 2u);
  EXPECT_EQ(backlog.ReplaysLike(other), 1u);
  EXPECT_EQ(backlog.replays(), 3u);
  const auto not_of_a = [&](uint32_t group) { return group != groups.Of("a"); };
  auto item = backlog.Next(true, not_of_a);
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->user_id, other);
  EXPECT_EQ(item->group, groups.Of(other));
  EXPECT_FALSE(backlog.Next(true, not_of_a).has_value());
  EXPECT_TRUE(backlog.Applied(*item, 1, &waiting_));
  EXPECT_EQ(backlog.ReplaysLike(other), 0u);
  item = backlog.Next(true);
  EXPECT_EQ(item->user_id, "a");
  backlog.Add(other, ProfileOf(other, 2), {}, BacklogClass::kReplay);
  EXPECT_EQ(backlog.Next(true)->user_id, other) << "its group's turn";
  EXPECT_EQ(backlog.Next(true)->user_id, like);
}

TEST_F(ProfileBacklogTest, AReplayThatChangesIsFreshFromThenOn) {
  Add("a", 1, BacklogClass::kReplay);
  Add("b", 1, BacklogClass::kReplay);
  Add("b", 2);
  EXPECT_EQ(backlog_.replays(), 1u);
  EXPECT_THAT(TakeAll(false), ElementsAre("b"));
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
}

TEST_F(ProfileBacklogTest, AReplayThatBecameFreshWhileItWasHeldIsHandedOverAsFresh) {
  Add("a", 1, BacklogClass::kReplay);
  auto item = backlog_.Next(true);
  ASSERT_TRUE(item.has_value());
  Add("a", 2);
  EXPECT_FALSE(backlog_.Replace(&*item, ProfileOf("a", 3)));
  EXPECT_EQ(item->profile->version, 2u);
  EXPECT_EQ(item->kind, BacklogClass::kFresh);
}

TEST_F(ProfileBacklogTest, AUsersWritesKeepTheirOrder) {
  Add("a", 1);
  auto first = backlog_.Next(true);
  ASSERT_TRUE(first.has_value());
  Add("a", 2);
  EXPECT_FALSE(backlog_.Next(true).has_value());  // one at a time
  EXPECT_FALSE(backlog_.Applied(*first, 77, &waiting_));
  auto second = backlog_.Next(true);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->profile->version, 2u);
  EXPECT_EQ(second->base.checksum, 77u);
  EXPECT_EQ(second->base.profile, first->profile);
  EXPECT_FALSE(second->merged);
  EXPECT_TRUE(backlog_.Applied(*second, 78, &waiting_));
  EXPECT_EQ(backlog_.size(), 0u);
  EXPECT_EQ(backlog_.since_ms(), 0);
}

TEST_F(ProfileBacklogTest, WhatFailedComesAgainAsItIsByThen) {
  Add("a", 1);
  Add("b", 1);
  auto item = backlog_.Next(true);
  item->merged = true;
  item->base.checksum = 5;
  item->attempts = 3;
  backlog_.Retry(*item, true);
  EXPECT_EQ(backlog_.Next(true)->user_id, "b");
  item = backlog_.Next(true);
  EXPECT_EQ(item->user_id, "a");
  EXPECT_TRUE(item->merged);
  EXPECT_EQ(item->attempts, 3u);
  Add("a", 2);
  backlog_.Retry(*item, false);
  item = backlog_.Next(true);
  EXPECT_EQ(item->profile->version, 2u);
  EXPECT_FALSE(item->merged);
}

TEST_F(ProfileBacklogTest, AMergedProfileReplacesOnlyWhatItWasMadeOf) {
  Add("a", 1);
  auto item = backlog_.Next(true);
  EXPECT_TRUE(backlog_.Replace(&*item, ProfileOf("a", 5)));
  EXPECT_EQ(item->profile->version, 5u);
  Add("a", 2);
  EXPECT_FALSE(backlog_.Replace(&*item, ProfileOf("a", 6)));
  EXPECT_EQ(item->profile->version, 2u);
  EXPECT_TRUE(backlog_.Applied(*item, 1, &waiting_));
}

TEST_F(ProfileBacklogTest, WhoWaitsIsToldOfTheProfileAsItWasThen) {
  std::vector<std::string> told;
  const auto waiter = [&told](const std::string& name) {
    return ProfileBacklog::Shared([&told, name](bool shared) { told.push_back(name + (shared ? "+" : "-")); });
  };
  ProfileBacklog::Shared done = waiter("nobody's");
  EXPECT_FALSE(backlog_.Await("a", now_ + milliseconds(1), &done));
  Add("a", 1);
  done = waiter("first");
  ASSERT_TRUE(backlog_.Await("a", now_ + milliseconds(10), &done));
  done = waiter("short");
  ASSERT_TRUE(backlog_.Await("a", now_ + milliseconds(5), &done));
  auto item = backlog_.Next(true);
  Add("a", 2);
  done = waiter("second");
  ASSERT_TRUE(backlog_.Await("a", now_ + milliseconds(20), &done));
  EXPECT_EQ(backlog_.NextDeadline(), now_ + milliseconds(5));
  EXPECT_TRUE(backlog_.TakeOverdue(now_ + milliseconds(4)).empty());
  for (const auto& overdue : backlog_.TakeOverdue(now_ + milliseconds(5))) overdue(false);
  EXPECT_THAT(told, ElementsAre("short-"));
  backlog_.Applied(*item, 1, &waiting_);
  for (const auto& one : waiting_) one(true);
  EXPECT_THAT(told, ElementsAre("short-", "first+"));
  for (const auto& left : backlog_.TakeOverdue(ProfileBacklog::Clock::time_point::max())) left(false);
  EXPECT_THAT(told, ElementsAre("short-", "first+", "second-"));
}

}  // namespace
}  // namespace kindred
