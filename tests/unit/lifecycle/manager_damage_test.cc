// Files that change under what is loaded.
#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/lifecycle/manager_fixture.h"

namespace kindred {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::HasSubstr;

class ManagerDamageTest : public testing::ManagerTest {
 protected:
  // Version 2 serves, version 1 served before and is ready.
  void BeginWithTwo() {
    Put(1);
    Begin();
    Put(2);
    Rescan();
    ASSERT_TRUE(Eventually([&] { return Serving() == 2; }));
  }
};

TEST_F(ManagerDamageTest, TheVersionBeforeAnswersForOneWhoseFileWasModified) {
  BeginWithTwo();
  const ModelHandle damaged = registry_.Find("demo");
  watch_->Tell(Bundle(2), "modified");
  ASSERT_TRUE(Eventually([&] { return State(2) == VersionState::kFailed; }));
  EXPECT_TRUE(damaged->poisoned());
  EXPECT_EQ(registry_.Snapshot()->at("demo")->serving->version(), "1");
  EXPECT_EQ(Serving(), 1u);
  EXPECT_TRUE(Status(2).poisoned);
  EXPECT_THAT(Status(2).reason, HasSubstr("was modified"));
  EXPECT_TRUE(Eventually([&] { return observer_.Lines("damage").size() == 1; }));
  EXPECT_THAT(observer_.Lines("damage"), ElementsAre("damage demo/2 modified"));
  EXPECT_THAT(observer_.Lines("serving"), Contains("serving demo/1 after 2"));
  Rescan();
  EXPECT_EQ(loader_->Loads(2), 1);  // not before its files change
}

TEST_F(ManagerDamageTest, AFaultWhileSomethingLoadsDoesNotWaitForThat) {
  BeginWithTwo();
  Put(3);
  loader_->Hold(3);
  manager_->Rescan();
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(3) == 1; }));
  registry_.Find("demo")->Poison();  // as the handler of a fault does
  EXPECT_EQ(Answering(), "1");
  EXPECT_TRUE(Eventually([&] { return Serving() == 1; }));
  EXPECT_EQ(State(3), VersionState::kVerifying);
  EXPECT_TRUE(Eventually([&] { return observer_.Lines("damage demo/2 sigbus").size() == 1; }));
  loader_->Release(3);
  EXPECT_TRUE(Eventually([&] { return Serving() == 3; }));
}

TEST_F(ManagerDamageTest, WhereNothingElseIsReadyAnotherVersionOfTheStoreIsLoaded) {
  options_.keep_ready = 0;
  BeginWithTwo();
  ASSERT_TRUE(Eventually([&] { return State(1) == VersionState::kGone; }));
  loader_->Hold(1);
  registry_.Find("demo")->Poison();
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(1) == 2; }));
  EXPECT_EQ(Answering(), "");  // and not "no such model"
  EXPECT_TRUE(registry_.Snapshot()->contains("demo"));
  EXPECT_EQ(Serving(), 0u);
  EXPECT_EQ(loader_->live_version(), "");
  loader_->Release(1);
  EXPECT_TRUE(Eventually([&] { return Answering() == "1"; }));
}

TEST_F(ManagerDamageTest, APinnedVersionThatWasLostIsReplacedAndComesBackWithNewFiles) {
  BeginWithTwo();
  ASSERT_TRUE(Activate(2, /*pin=*/true).status.ok());
  registry_.Find("demo")->Poison();
  ASSERT_TRUE(Eventually([&] { return Serving() == 1; }));
  EXPECT_TRUE(Eventually([&] { return !observer_.Lines("note version 2 of 'demo' should serve").empty(); }));
  Put(2);
  Rescan();
  EXPECT_TRUE(Eventually([&] { return Serving() == 2; }));
  EXPECT_FALSE(registry_.Find("demo")->poisoned());
}

TEST_F(ManagerDamageTest, ALabelledVersionThatWasLostLeavesTheRoutes) {
  BeginWithTwo();
  ASSERT_TRUE(SetLabel("canary", 1, kWholeShare).status.ok());
  registry_.Snapshot()->at("demo")->canary->Poison();
  ASSERT_TRUE(Eventually([&] { return State(1) == VersionState::kFailed; }));
  EXPECT_EQ(registry_.Snapshot()->at("demo")->canary, nullptr);
  EXPECT_EQ(Serving(), 2u);
}

TEST_F(ManagerDamageTest, AFileThatIsDeletedIsToldOnceAndServesOn) {
  BeginWithTwo();
  for (const char* kind : {"deleted", "unreadable", "deleted"}) {
    watch_->Tell(Bundle(2), kind);
    Rescan();
  }
  EXPECT_THAT(observer_.Lines("damage"), ElementsAre("damage demo/2 deleted"));
  EXPECT_EQ(Answering(), "2");
  EXPECT_FALSE(registry_.Find("demo")->poisoned());
}

TEST_F(ManagerDamageTest, AFileThatWasModifiedUnderACopyIsToldAndHarmsNothing) {
  Put(1);
  ASSERT_TRUE(Open().ok());
  loader_->SetLoadMode(LoadMode::kCopy);
  ASSERT_TRUE(manager_->LoadAll().ok());
  manager_->Start();
  watch_->Tell(Bundle(1), "modified");
  Rescan();
  EXPECT_THAT(observer_.Lines("damage"), ElementsAre("damage demo/1 ignored"));
  EXPECT_EQ(Answering(), "1");
  EXPECT_FALSE(registry_.Find("demo")->poisoned());
}

TEST_F(ManagerDamageTest, NoReaderUnmapsAGenerationThatWasLost) {
  BeginWithTwo();
  ModelHandle reader = registry_.Find("demo");
  const std::weak_ptr<const Model> lost = reader;
  reader->Poison();
  ASSERT_TRUE(Eventually([&] { return State(2) == VersionState::kFailed; }));
  manager_->Stop();
  reader.reset();
  EXPECT_FALSE(lost.expired());
  manager_.reset();
  EXPECT_TRUE(lost.expired());
}

TEST_F(ManagerDamageTest, AFileThatWasOnlyTouchedServesOnOnceItWasRead) {
  BeginWithTwo();
  watch_->Tell(Bundle(2), "touched");
  Rescan();
  EXPECT_EQ(Serving(), 2u);
  EXPECT_TRUE(observer_.Lines("damage").empty());
}

TEST_F(ManagerDamageTest, ATouchedFileIsReadWhileSomethingElseLoads) {
  BeginWithTwo();
  Put(3);
  loader_->Hold(3);
  manager_->Rescan();
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(3) == 1; }));
  {
    std::fstream file(Bundle(2), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-5, std::ios::end);
    const int last = file.get();
    file.seekp(-5, std::ios::end);
    file.put(static_cast<char>(last ^ 1));
  }
  watch_->Tell(Bundle(2), "touched");
  EXPECT_TRUE(Eventually([&] { return Serving() == 1; }));
  EXPECT_EQ(State(3), VersionState::kVerifying);
  EXPECT_TRUE(Eventually([&] { return observer_.Lines("damage demo/2 modified").size() == 1; }));
  loader_->Release(3);
}

TEST_F(ManagerDamageTest, FilesThatChangeWhileTheyAreLoadedAreRefused) {
  Put(1);
  Begin();
  Put(2);
  loader_->Hold(2);
  manager_->Rescan();
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(2) == 1; }));
  testing::WriteFile(Folder(2) + "/another", "x");
  loader_->Release(2);
  ASSERT_TRUE(Eventually([&] { return State(2) == VersionState::kFailed; }));
  EXPECT_THAT(Status(2).reason, HasSubstr("changed while they were loaded"));
  EXPECT_EQ(Serving(), 1u);
  loader_->Hold(2);
  std::thread changer([&] {
    EXPECT_TRUE(Eventually([&] { return loader_->Loads(2) == 2; }));
    testing::WriteFile(Folder(2) + "/another", "xx");
    loader_->Release(2);
  });
  EXPECT_EQ(Load(2).status.code(), absl::StatusCode::kAborted);
  changer.join();
}

TEST_F(ManagerDamageTest, ReadersNeverMissAModelOverManySwapsAndFaults) {
  constexpr uint64_t kVersions = 4;
  for (uint64_t version = 1; version <= kVersions; ++version) Put(version);
  options_.keep_ready = 2;
  Begin();
  ASSERT_TRUE(Load(1).status.ok());
  std::map<std::string, std::string> digests;
  for (uint64_t version = 1; version <= kVersions; ++version) {
    digests[std::to_string(version)] = InspectBundle(Bundle(version))->digest;
  }
  std::atomic<const Model*> poisoned = nullptr;
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> answers = 0, missed = 0, wrong = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      ModelReader reader(registry_);
      while (!stop) {
        const Model* known_poisoned = poisoned;
        const ModelHandle model = reader.Find("demo");
        if (model == nullptr) {
          ++missed;
          continue;
        }
        if (model.get() == known_poisoned || model->digest() != digests.at(model->version())) ++wrong;
        ++answers;
      }
    });
  }
  for (uint64_t swap = 0; swap < 60; ++swap) {
    const uint64_t version = 1 + swap % kVersions;
    const testing::Outcome outcome = Activate(version);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(Answering(), std::to_string(version));
    if (swap % 10 != 9) continue;
    const ModelHandle lost = registry_.Find("demo");
    lost->Poison();
    poisoned = lost.get();
    EXPECT_NE(registry_.Find("demo"), lost);  // at once, before the manager knows
    ASSERT_TRUE(Eventually([&] { return Serving() != version; }));
    poisoned = nullptr;  // its address may become another's
  }
  ASSERT_TRUE(Eventually([&] { return answers > 1000; }));
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(missed, 0u);
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace kindred
