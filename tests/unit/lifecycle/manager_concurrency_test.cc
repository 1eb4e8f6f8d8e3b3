// Many who ask at once, and a stop in the middle.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/lifecycle/manager_fixture.h"

namespace kindred {
namespace {

using testing::Eventually;

using ManagerConcurrencyTest = testing::ManagerTest;

const absl::Status kBad = absl::DataLossError("golden query 3 differs");

TEST_F(ManagerConcurrencyTest, ManyActivationsAreDoneOneByOneAndTheLastWins) {
  for (uint64_t version = 1; version <= 5; ++version) Put(version);
  Begin();
  std::atomic<int> ended = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < 50; ++t) {
    callers.emplace_back([&, t] {
      manager_->Rescan();
      const auto done = [&](const absl::Status& status, const VersionStatus&) {
        EXPECT_TRUE(status.ok()) << status;
        ++ended;
      };
      if (t % 2 == 0) {
        manager_->Load("demo", 1 + t % 5, false, done);
      } else {
        manager_->Activate("demo", 1 + t % 5, false, false, done);
      }
      (void)manager_->List();
    });
  }
  for (std::thread& caller : callers) caller.join();
  ASSERT_TRUE(Activate(3).status.ok());
  EXPECT_EQ(ended, 50);
  EXPECT_EQ(Serving(), 3u);
  EXPECT_EQ(Answering(), "3");
  EXPECT_EQ(loader_->most_at_once(), 1);
}

TEST_F(ManagerConcurrencyTest, RequestsForTheSameVersionJoin) {
  Put(1);
  Begin();
  Put(2);
  loader_->Hold(2);
  loader_->Refuse(2, kBad);
  std::atomic<int> refused = 0;
  for (int i = 0; i < 20; ++i) {
    manager_->Load("demo", 2, false, [&](const absl::Status& status, const VersionStatus& version) {
      EXPECT_EQ(version.reason, kBad.message());
      refused += status == kBad ? 1 : 0;
    });
  }
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(2) == 1; }));
  // Whoever asks meanwhile is not kept waiting.
  EXPECT_TRUE(manager_->busy());
  EXPECT_EQ(State(2), VersionState::kVerifying);
  EXPECT_TRUE(Eventually([&] { return Status(2).step == "checksums"; }));
  loader_->Release(2);
  EXPECT_TRUE(Eventually([&] { return refused == 20; }));
  EXPECT_EQ(loader_->Loads(2), 1);
}

TEST_F(ManagerConcurrencyTest, ALoadThatNobodyAskedForGivesWay) {
  Put(1);
  Begin();
  Put(2);
  loader_->Hold(2);
  manager_->Rescan();
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(2) == 1; }));
  ASSERT_TRUE(Activate(1, /*pin=*/true).status.ok());
  EXPECT_EQ(State(2), VersionState::kDiscovered);
  EXPECT_EQ(Serving(), 1u);
}

TEST_F(ManagerConcurrencyTest, StopGivesUpALoadAndTellsThoseWhoWait) {
  Put(1);
  Begin();
  Put(2);
  loader_->Hold(2);
  std::atomic<int> cancelled = 0;
  const auto done = [&](const absl::Status& status, const VersionStatus&) {
    cancelled += absl::IsCancelled(status) ? 1 : 0;
  };
  manager_->Activate("demo", 2, false, false, done);
  manager_->Load("demo", 2, true, done);
  manager_->Rollback("demo", done);
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(2) == 1; }));
  manager_->Stop();
  EXPECT_EQ(cancelled, 3);
  manager_->Follow("demo", done);
  EXPECT_EQ(cancelled, 4);
  EXPECT_EQ(Answering(), "1");
  EXPECT_EQ(State(2), VersionState::kDiscovered);
}

}  // namespace
}  // namespace kindred
