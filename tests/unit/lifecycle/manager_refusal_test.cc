// Versions that are refused, and what comes of it later; versions to go back to.
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>

#include "tests/unit/lifecycle/manager_fixture.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::Outcome;

const absl::Status kBad = absl::DataLossError("golden query 3 differs");
const absl::Status kDrift = absl::FailedPreconditionError("drift: too far");
const absl::Status kNoRoom = absl::ResourceExhaustedError("memory: needs 7 MiB");

class ManagerRefusalTest : public testing::ManagerTest {
 protected:
  // Version 2 served after version 1 and was rolled back from; its folder is gone.
  void RollBackFromTwoAndTakeItAway() {
    Put(1);
    Begin();
    Put(2);
    Rescan();
    ASSERT_TRUE(Eventually([&] { return Serving() == 2; }));
    ASSERT_TRUE(Rollback().status.ok());
    fs::remove_all(Folder(2));
  }

  // Version 1 serves; version 2, published later, fails for `status`, which it would not do again.
  void BeginWithRefused(const absl::Status& status) {
    Put(1);
    Begin();
    loader_->Refuse(2, status);
    Put(2);
    Rescan();
    ASSERT_TRUE(Eventually([&] { return State(2) == VersionState::kFailed; }));
    loader_->Refuse(2, absl::OkStatus());
  }
};

TEST_F(ManagerRefusalTest, DriftFromAGenerationThatIsFoundDamagedCountsNoMore) {
  BeginWithRefused(kDrift);
  Rescan();
  EXPECT_EQ(State(2), VersionState::kFailed);
  registry_.Find("demo")->Poison();
  EXPECT_TRUE(Eventually([&] { return Answering() == "2"; }));
}

TEST_F(ManagerRefusalTest, OtherRefusalsStayWhateverIsFoundDamaged) {
  options_.keep_ready = 0;
  BeginWithRefused(kBad);
  registry_.Find("demo")->Poison();
  ASSERT_TRUE(Eventually([&] { return State(1) == VersionState::kFailed; }));
  Rescan();
  EXPECT_EQ(loader_->Loads(2), 1);
}

TEST_F(ManagerRefusalTest, WhatPassesIsTriedAgainByItselfAndSaysWhyMeanwhile) {
  options_.first_retry = std::chrono::milliseconds(1);
  options_.last_retry = std::chrono::milliseconds(4);
  for (const absl::Status& status : {kNoRoom, absl::UnavailableError("no file handle is left")}) {
    fs::remove_all(store_);
    registry_.Remove("demo");
    Put(1);
    Begin();
    loader_->Refuse(2, status);
    Put(2);
    Rescan();
    ASSERT_TRUE(Eventually([&] { return loader_->Loads(2) >= 3; }));
    EXPECT_TRUE(Eventually([&] { return Status(2).reason == status.message(); }));
    EXPECT_EQ(Serving(), 1u);
    loader_->Refuse(2, absl::OkStatus());
    EXPECT_TRUE(Eventually([&] { return Serving() == 2; }));
  }
}

TEST_F(ManagerRefusalTest, WhatFailsWithAnExceptionIsTriedAgain) {
  options_.first_retry = options_.last_retry = std::chrono::milliseconds(1);
  Put(1);
  Begin();
  loader_->Throw(true);
  Put(2);
  Rescan();
  ASSERT_TRUE(Eventually([&] { return loader_->Loads(2) >= 2; }));
  EXPECT_TRUE(Eventually([&] { return Status(2).reason.find("memory") != std::string::npos; }));
  loader_->Throw(false);
  EXPECT_TRUE(Eventually([&] { return Serving() == 2; }));
}

TEST_F(ManagerRefusalTest, WhatDidNotFitIsTriedAgainOnceAVersionIsGone) {
  options_.first_retry = options_.last_retry = std::chrono::hours(1);
  options_.keep_ready = 0;
  Put(1, "other");
  Put(2, "other");
  BeginWithRefused(kNoRoom);
  ASSERT_TRUE(Ask([&](auto done) { manager_->Load("other", 1, false, std::move(done)); }).status.ok());
  EXPECT_EQ(loader_->Loads(2), 2);  // "other" and "demo"
  EXPECT_EQ(Status(2).reason, kNoRoom.message());
  ASSERT_TRUE(Ask([&](auto done) { manager_->Unload("other", 1, std::move(done)); }).status.ok());
  EXPECT_TRUE(Eventually([&] { return Serving() == 2; }));
}

TEST_F(ManagerRefusalTest, AfterAFreshStartTheVersionBelowIsMadeReadyInTheBackground) {
  for (const uint64_t version : {1, 2, 3}) Put(version);
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(manager_->LoadAll().ok());
  EXPECT_THAT(loader_->Order(), ElementsAre(3));
  manager_->Start();
  ASSERT_TRUE(Eventually([&] { return State(2) == VersionState::kReady; }));
  EXPECT_EQ(Serving(), 3u);
  registry_.Find("demo")->Poison();
  EXPECT_EQ(Answering(), "2");
  EXPECT_TRUE(Eventually([&] { return Serving() == 2 && State(1) == VersionState::kReady; }));
}

TEST_F(ManagerRefusalTest, AfterARestartWhatServedBeforeIsMadeReadyWhateverItsDrift) {
  for (const uint64_t version : {1, 2, 3}) Put(version);
  Begin();
  ASSERT_TRUE(Activate(2).status.ok());
  Begin();
  ASSERT_TRUE(Eventually([&] { return State(3) == VersionState::kReady; }));
  EXPECT_TRUE(loader_->forced());
  Rescan();
  EXPECT_EQ(Serving(), 2u);
  EXPECT_THAT(loader_->Order(), ElementsAre(2, 3));
}

TEST_F(ManagerRefusalTest, WhereThereIsNoRoomToKeepAVersionReadyItIsNotedOnce) {
  Put(1);
  Put(2);
  ASSERT_TRUE(Open().ok());
  loader_->Refuse(1, kNoRoom);
  ASSERT_TRUE(manager_->LoadAll().ok());
  manager_->Start();
  ASSERT_TRUE(Eventually([&] { return !observer_.Lines("note").empty(); }));
  for (int i = 0; i < 3; ++i) Rescan();
  EXPECT_EQ(loader_->Loads(1), 1);
  EXPECT_EQ(State(1), VersionState::kDiscovered);
  EXPECT_THAT(observer_.Lines("note"), ElementsAre(HasSubstr("needs 7 MiB")));
}

TEST_F(ManagerRefusalTest, WhatWasUnloadedIsNotMadeReadyToGoBackTo) {
  Put(1);
  Put(2);
  Begin();
  ASSERT_TRUE(Eventually([&] { return State(1) == VersionState::kReady; }));
  ASSERT_TRUE(Ask([&](auto done) { manager_->Unload("demo", 1, std::move(done)); }).status.ok());
  ASSERT_TRUE(Eventually([&] { return State(1) == VersionState::kGone; }));
  for (int i = 0; i < 3; ++i) Rescan();
  EXPECT_EQ(loader_->Loads(1), 1);
}

TEST_F(ManagerRefusalTest, FollowAnswersWithTheRefusalOfTheHighestVersion) {
  for (const uint64_t version : {1, 2, 3}) Put(version);
  Begin();
  ASSERT_TRUE(Activate(1, /*pin=*/true).status.ok());
  loader_->Refuse(4, kBad);
  Put(4);
  const Outcome outcome = Follow();
  EXPECT_EQ(outcome.status.code(), kBad.code());
  EXPECT_THAT(std::string(outcome.status.message()),
              AllOf(HasSubstr(std::string(kBad.message())), HasSubstr("3 serves")));
  EXPECT_EQ(Serving(), 3u);
  EXPECT_EQ(manager_->Get("demo")->policy, PolicyKind::kLatest);
}

TEST_F(ManagerRefusalTest, ALabelThatWasForcedIsFoundAgainAfterARestart) {
  options_.keep_ready = 0;
  Put(1);
  Put(2);
  Begin();
  ASSERT_TRUE(SetLabel("canary", 1, 500, /*force=*/true).status.ok());
  EXPECT_TRUE(loader_->forced());
  Begin();
  EXPECT_EQ(Answering("demo@canary"), "1");
  EXPECT_TRUE(loader_->forced());
}

TEST_F(ManagerRefusalTest, ALabelWhoseVersionCannotBeLoadedIsNotedOnce) {
  options_.keep_ready = 0;
  Put(1);
  Put(2);
  options_.policies["demo"].labels = {{"canary", 1}, {"old", 9}};
  ASSERT_TRUE(Open().ok());
  loader_->Refuse(1, kBad);
  ASSERT_TRUE(manager_->LoadAll().ok());
  EXPECT_FALSE(loader_->forced());
  manager_->Start();
  for (int i = 0; i < 3; ++i) Rescan();
  EXPECT_THAT(observer_.Lines("note label"), ElementsAre(AllOf(HasSubstr("'canary' of 'demo' is of version 1"),
                                                               HasSubstr(std::string(kBad.message()))),
                                                         AllOf(HasSubstr("'old'"), HasSubstr("not in the store"))));
}

TEST_F(ManagerRefusalTest, ARollbackThatNamesTheVersionToLeaveGoesBackOnce) {
  options_.keep_ready = 2;
  Put(1);
  Begin();
  for (const uint64_t version : {2, 3}) {
    Put(version);
    Rescan();
    ASSERT_TRUE(Eventually([&] { return Serving() == version; }));
  }
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = Rollback(3);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.version.version, 2u);
  }
  EXPECT_EQ(Serving(), 2u);
  EXPECT_EQ(Rollback(2).version.version, 1u);
}

TEST_F(ManagerRefusalTest, AFixUnderTheNumberOfAVersionRolledBackFromServes) {
  ASSERT_NO_FATAL_FAILURE(RollBackFromTwoAndTakeItAway());
  Rescan();
  EXPECT_EQ(Serving(), 1u);
  Put(2);
  Rescan();
  EXPECT_TRUE(Eventually([&] { return Serving() == 2; }));
  EXPECT_EQ(loader_->Loads(2), 2);
  // Replaced between two looks, and what was loaded of it is still ready.
  ASSERT_TRUE(Rollback().status.ok());
  Rescan();
  EXPECT_EQ(Serving(), 1u);
  Put(2);
  Rescan();
  EXPECT_TRUE(Eventually([&] { return Serving() == 2; }));
  EXPECT_EQ(loader_->Loads(2), 3);
}

TEST_F(ManagerRefusalTest, AFixPublishedWhileTheServerWasDownServesWhereTheNumberHadBeenTakenAway) {
  ASSERT_NO_FATAL_FAILURE(RollBackFromTwoAndTakeItAway());
  Begin();
  Put(2);
  Begin();
  EXPECT_EQ(Serving(), 2u);
}

TEST_F(ManagerRefusalTest, AStoreThatCannotBeReadChangesNothing) {
  Put(1);
  Put(2);
  Begin();
  ASSERT_TRUE(Eventually([&] { return State(1) == VersionState::kReady; }));
  fs::rename(store_ + "/demo", dir_.File("away"));
  fs::create_symlink("demo", store_ + "/demo");  // to itself
  Rescan();
  EXPECT_THAT(observer_.Lines("note"), ElementsAre(HasSubstr("cannot read")));
  EXPECT_EQ(State(1), VersionState::kReady);
  EXPECT_EQ(Serving(), 2u);
}

TEST_F(ManagerRefusalTest, WhereNothingServesWarmingIsNotHeldBack) {
  options_.prefault_bytes_per_second = 1;  // a day for the first pages
  Put(1);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(manager_->LoadAll().ok());
  manager_->Start();
  Put(2);
  manager_->Rescan();
  ASSERT_TRUE(Eventually([&] { return State(2) == VersionState::kWarming; }));
  registry_.Find("demo")->Poison();
  EXPECT_TRUE(Eventually([&] { return Answering() == "2"; }));
}

TEST_F(ManagerRefusalTest, LegacyFilesBesideABundleThatIsInvalidAreTried) {
  Put(1);
  fs::copy_file(Bundle(1), Folder(1) + "/other.safetensors");
  ASSERT_TRUE(Open().ok());
  loader_->Refuse(1, absl::InvalidArgumentError("not a bundle"));
  ASSERT_TRUE(manager_->LoadAll().ok());
  EXPECT_THAT(registry_.Find("demo")->info().path, HasSubstr("other.safetensors"));
  EXPECT_THAT(watch_->watched(), ElementsAre(Folder(1) + "/other.safetensors"));
  EXPECT_THAT(observer_.Lines("note"), ElementsAre(HasSubstr("not a bundle")));
}

}  // namespace
}  // namespace kindred
