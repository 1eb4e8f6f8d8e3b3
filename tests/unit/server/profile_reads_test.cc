#include "server/profile_reads.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "core/base/str_cat.h"
#include "tests/unit/server/remote_profile_store.h"
#include "tests/unit/server/test_call.h"

namespace kindred {
namespace {

class ProfileReadsTest : public ::testing::Test {
 protected:
  // Waits until the call was resumed so often; false after 20 s.
  bool AwaitResumes(int resumes) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (call_.resumes < resumes) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  void Share(const std::string& user, uint64_t version) {
    Profile profile;
    profile.user_id = user;
    profile.version = version;
    store_.Share(profile);
  }

  testing::TestCall call_;
  ProfileReads reads_;
  testing::RemoteProfileStore store_;  // goes first, with its thread
};

TEST_F(ProfileReadsTest, NobodyWaitsForWhatIsAtHand) {
  store_.BehaveByDefault({.at_once = true});
  Share("b", 2);
  for (int round = 0; round < 3; ++round) {
    reads_.Begin(&store_, call_.get(), 3);
    reads_.Start(0, "a", 0);
    reads_.Start(2, "b", 9);
    EXPECT_TRUE(reads_.Await());
    EXPECT_EQ(reads_.at(0).profile.version, 0u);
    EXPECT_EQ(reads_.at(1).profile.version, 0u);
    EXPECT_EQ(reads_.at(2).profile.version, 2u);
  }
  EXPECT_EQ(store_.last_options().min_version, 9u);
  EXPECT_EQ(call_.pauses, 0);
  EXPECT_EQ(call_.resumes, 0);
}

TEST_F(ProfileReadsTest, NoReadsAreThereAtOnce) {
  reads_.Begin(&store_, call_.get(), 2);
  EXPECT_TRUE(reads_.Await());
  EXPECT_TRUE(reads_.at(1).status.ok());
}

TEST_F(ProfileReadsTest, TheCallGoesOnWithTheLastRead) {
  for (int i = 0; i < 50; ++i) Share(StrCat("u", i), i + 1);
  store_.Behave("u7", {.at_once = true});
  for (int round = 1; round <= 3; ++round) {
    store_.Hold(true);
    reads_.Begin(&store_, call_.get(), 50);
    for (int i = 0; i < 50; ++i) reads_.Start(i, StrCat("u", i), 0);
    EXPECT_FALSE(reads_.Await());
    EXPECT_EQ(call_.pauses, round);
    EXPECT_EQ(call_.resumes, round - 1);
    store_.Hold(false);
    ASSERT_TRUE(AwaitResumes(round));
    for (int i = 0; i < 50; ++i) EXPECT_EQ(reads_.at(i).profile.version, static_cast<uint64_t>(i + 1));
  }
}

TEST_F(ProfileReadsTest, AResumptionComesOnceWheneverTheLastReadEnds) {
  // Reads end while others are begun, before and after Await.
  int paused = 0;
  for (int round = 0; round < 2'000; ++round) {
    reads_.Begin(&store_, call_.get(), 4);
    for (int i = 0; i < 4; ++i) reads_.Start(i, StrCat("u", i), 0);
    if (!reads_.Await()) {
      ++paused;
      ASSERT_TRUE(AwaitResumes(paused));
    }
    ASSERT_EQ(store_.outstanding, 0);
    ASSERT_EQ(call_.pauses, paused);
    ASSERT_EQ(call_.resumes, paused);
  }
}

TEST_F(ProfileReadsTest, WhatAReadLackedIsForgottenByTheNext) {
  store_.Behave("u", {.at_once = true, .status = absl::UnavailableError("away"), .stale = true});
  Share("u", 3);
  reads_.Begin(&store_, call_.get(), 1);
  reads_.Start(0, "u", 0);
  ASSERT_TRUE(reads_.Await());
  EXPECT_FALSE(reads_.at(0).status.ok());
  EXPECT_TRUE(reads_.at(0).stale);
  EXPECT_EQ(reads_.at(0).profile.version, 3u);
  reads_.Begin(&store_, call_.get(), 1);
  ASSERT_TRUE(reads_.Await());
  EXPECT_TRUE(reads_.at(0).status.ok());
  EXPECT_FALSE(reads_.at(0).stale);
  EXPECT_EQ(reads_.at(0).profile.version, 0u);
}

}  // namespace
}  // namespace kindred
