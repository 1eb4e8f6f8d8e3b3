#include "core/lifecycle/model_manager.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/unit/lifecycle/manager_fixture.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Outcome;

using ModelManagerTest = testing::ManagerTest;

const absl::Status kBad = absl::DataLossError("golden query 3 differs");

TEST_F(ModelManagerTest, AVersionComesToServeStepByStep) {
  Put(1);
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(manager_->LoadAll().ok());
  EXPECT_THAT(observer_.Lines(),
              ElementsAre("state demo/1 discovered", "state demo/1 verifying", "state demo/1 warming", "prepare 1",
                          "state demo/1 ready", "serving demo/1 after 0"));
  const VersionStatus status = Status(1);
  EXPECT_TRUE(status.serving);
  EXPECT_EQ(status.path, Folder(1));
  EXPECT_EQ(status.golden_queries, 7);
  EXPECT_THAT(status.digest, HasSubstr("xxh"));
  EXPECT_GT(status.bytes, 0u);
  EXPECT_EQ(Answering("demo@stable"), "1");
  EXPECT_EQ(Answering("demo@1"), "1");
}

TEST_F(ModelManagerTest, AtTheStartOlderVersionsAreTriedInTurn) {
  for (const uint64_t version : {1, 2, 3, 4}) Put(version);
  ASSERT_TRUE(Open().ok());
  loader_->Refuse(4, kBad);
  loader_->Refuse(3, kBad);
  ASSERT_TRUE(manager_->LoadAll().ok());
  EXPECT_THAT(loader_->Order(), ElementsAre(4, 3, 2));
  EXPECT_EQ(Answering(), "2");
  EXPECT_EQ(Status(4).reason, kBad.message());
  EXPECT_EQ(Status(4).step, "checksums");
  EXPECT_EQ(State(1), VersionState::kDiscovered);
}

TEST_F(ModelManagerTest, AStoreWithNothingGoodSaysWhatWasLookedFor) {
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(std::string(manager_->LoadAll().message()), HasSubstr("<model>/<version>/bundle.safetensors"));
  Put(1);
  loader_->Refuse(1, kBad);
  EXPECT_THAT(std::string(manager_->LoadAll().message()), HasSubstr("none of the 1 versions"));
  EXPECT_EQ(manager_->Get("shoes").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ModelManagerTest, APublishedVersionTakesOverAndTheOneBeforeStaysReady) {
  Put(1);
  Begin();
  for (const uint64_t version : {2, 3}) {
    Put(version);
    Rescan();
    ASSERT_TRUE(Eventually([&] { return Serving() == version; }));
  }
  EXPECT_EQ(loader_->live_version(), "2");
  EXPECT_EQ(State(2), VersionState::kReady);
  EXPECT_EQ(Answering("demo@2"), "2");
  EXPECT_TRUE(Eventually([&] { return State(1) == VersionState::kGone; }));
  EXPECT_EQ(Answering("demo@1"), "");
  EXPECT_THAT(observer_.Lines("serving"),
              ElementsAre("serving demo/1 after 0", "serving demo/2 after 1", "serving demo/3 after 2"));
  EXPECT_THAT(watch_->watched(), ElementsAre(Bundle(2), Bundle(3)));
}

TEST_F(ModelManagerTest, AGenerationDrainsUntilItsLastReaderLetsGo) {
  options_.keep_ready = 0;
  Put(1);
  Begin();
  ModelHandle reader = registry_.Find("demo");
  Put(2);
  Rescan();
  ASSERT_TRUE(Eventually([&] { return Serving() == 2; }));
  EXPECT_TRUE(Eventually([&] { return State(1) == VersionState::kDraining; }));
  // Asked for again meanwhile, it need not be read again.
  ASSERT_TRUE(Activate(1).status.ok());
  EXPECT_EQ(registry_.Find("demo"), reader);
  EXPECT_EQ(loader_->Loads(1), 1);
  ASSERT_TRUE(Activate(2).status.ok());
  reader.reset();
  EXPECT_TRUE(Eventually([&] { return State(1) == VersionState::kGone; }));
}

TEST_F(ModelManagerTest, AVersionThatFailedIsTriedAgainOnceItsFilesChangedOrByName) {
  Put(1);
  Put(2);
  ASSERT_TRUE(Open().ok());
  loader_->Refuse(2, kBad);
  ASSERT_TRUE(manager_->LoadAll().ok());
  manager_->Start();
  for (int i = 0; i < 5; ++i) Rescan();
  EXPECT_EQ(loader_->Loads(2), 1);
  EXPECT_EQ(Activate(2).status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(loader_->Loads(2), 2);
  EXPECT_EQ(Serving(), 1u);
  loader_->Refuse(2, absl::OkStatus());
  Rescan();
  EXPECT_EQ(loader_->Loads(2), 2);
  Put(2);
  Rescan();
  EXPECT_TRUE(Eventually([&] { return Serving() == 2; }));
  EXPECT_EQ(loader_->Loads(2), 3);
}

TEST_F(ModelManagerTest, WhatWasActivatedServesUntilALaterVersionComes) {
  for (const uint64_t version : {1, 2, 3}) Put(version);
  Begin();
  const Outcome outcome = Activate(1);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_TRUE(outcome.version.serving);
  EXPECT_EQ(outcome.version.state, VersionState::kReady);
  Rescan();
  EXPECT_EQ(Answering(), "1");
  Put(4);
  Rescan();
  EXPECT_TRUE(Eventually([&] { return Serving() == 4; }));
  ASSERT_TRUE(Activate(2, /*pin=*/true).status.ok());
  EXPECT_EQ(manager_->Get("demo")->policy, PolicyKind::kPinned);
  Put(5);
  Rescan();
  EXPECT_EQ(Serving(), 2u);
  EXPECT_EQ(State(5), VersionState::kDiscovered);
  const Outcome followed = Ask([&](auto done) { manager_->Follow("demo", std::move(done)); });
  EXPECT_TRUE(followed.status.ok());
  EXPECT_EQ(followed.version.version, 5u);
  EXPECT_EQ(Serving(), 5u);
}

TEST_F(ModelManagerTest, WhatWasDecidedSurvivesARestart) {
  for (const uint64_t version : {1, 2, 3}) Put(version);
  Begin();
  ASSERT_TRUE(Activate(2).status.ok());
  ASSERT_TRUE(SetLabel("canary", 1, 500).status.ok());
  Begin();
  EXPECT_EQ(Serving(), 2u);
  EXPECT_EQ(Answering("demo@canary"), "1");
  EXPECT_EQ(registry_.Snapshot()->at("demo")->canary_share, 500u);
  // What served before is known too.
  ASSERT_TRUE(Rollback().status.ok());
  EXPECT_EQ(Serving(), 3u);
  Begin();
  EXPECT_EQ(Serving(), 3u);
}

TEST_F(ModelManagerTest, WhereTheDecidedVersionIsNotGoodTheBestOtherServesAndItIsSaid) {
  for (const uint64_t version : {1, 2, 3}) Put(version);
  Begin();
  ASSERT_TRUE(Activate(2, /*pin=*/true).status.ok());
  manager_.reset();
  fs::rename(Folder(2), dir_.File("away"));
  Begin();
  EXPECT_EQ(Serving(), 3u);
  EXPECT_THAT(observer_.Lines("note"),
              Contains(AllOf(HasSubstr("version 2 of 'demo' should serve but is not in the store"),
                             HasSubstr("version 3 serves in its place"))));
}

TEST_F(ModelManagerTest, DamagedDecisionsAreNotGuessed) {
  fs::create_directories(state_);
  testing::WriteFile(state_ + "/decisions.json", "{\"format\": 1");
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ModelManagerTest, ADecisionThatCannotBeKeptChangesNothing) {
  Put(1);
  Put(2);
  Begin();
  fs::remove_all(state_);
  testing::WriteFile(state_, "in the way");
  const Outcome outcome = Activate(1);
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("nothing was changed"));
  EXPECT_EQ(Serving(), 2u);
  EXPECT_TRUE(Eventually([&] { return State(1) == VersionState::kGone; }));
}

TEST_F(ModelManagerTest, RollbackGoesBackStepByStepAndNotToAndFro) {
  options_.keep_ready = 2;
  Put(1);
  Begin();
  EXPECT_EQ(Rollback().status.code(), absl::StatusCode::kFailedPrecondition);
  for (const uint64_t version : {2, 3}) {
    Put(version);
    Rescan();
    ASSERT_TRUE(Eventually([&] { return Serving() == version; }));
  }
  EXPECT_EQ(Rollback().version.version, 2u);
  EXPECT_EQ(Serving(), 2u);
  Rescan();
  EXPECT_EQ(Serving(), 2u);
  EXPECT_EQ(Rollback().version.version, 1u);
  EXPECT_EQ(Rollback().status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Serving(), 1u);
  EXPECT_THAT(loader_->Order(), ElementsAre(1, 2, 3));  // they were ready
  Put(4);
  Rescan();
  EXPECT_TRUE(Eventually([&] { return Serving() == 4; }));
}

TEST_F(ModelManagerTest, ARollbackIsNotRefusedForDrift) {
  options_.keep_ready = 0;
  Put(1);
  Begin();
  Put(2);
  Rescan();
  ASSERT_TRUE(Eventually([&] { return State(1) == VersionState::kGone; }));
  EXPECT_FALSE(loader_->forced());
  ASSERT_TRUE(Rollback().status.ok());
  EXPECT_TRUE(loader_->forced());
}

TEST_F(ModelManagerTest, LabelsLoadTheirVersionsAndKeepThem) {
  for (const uint64_t version : {1, 2, 3, 4}) Put(version);
  ModelPolicy policy;
  policy.labels = {{"old", 1}};
  options_.policies["demo"] = policy;
  Begin();
  EXPECT_EQ(Answering("demo@old"), "1");
  EXPECT_THAT(Status(1).labels, ElementsAre("old"));
  ASSERT_TRUE(SetLabel("canary", 2, 1000).status.ok());
  ASSERT_TRUE(SetLabel("shadow", 3, 100).status.ok());
  const auto routes = registry_.Snapshot()->at("demo");
  EXPECT_EQ(routes->canary->version(), "2");
  EXPECT_EQ(routes->canary_share, 1000u);
  EXPECT_EQ(routes->shadow->version(), "3");
  EXPECT_EQ(routes->others.size(), 3u);
  EXPECT_EQ(Serving(), 4u);
  const auto unload = [&](uint64_t version) {
    return Ask([&](auto done) { manager_->Unload("demo", version, std::move(done)); }).status.code();
  };
  EXPECT_EQ(unload(2), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(unload(4), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(SetLabel("canary", 0).status.ok());
  ASSERT_TRUE(SetLabel("old", 0).status.ok());
  EXPECT_EQ(Answering("demo@old"), "");
  EXPECT_TRUE(Eventually([&] { return State(2) == VersionState::kDraining || State(2) == VersionState::kGone; }));
}

TEST_F(ModelManagerTest, LabelsThatCannotBeAreRefused) {
  Put(1);
  Begin();
  for (const char* label : {"", "12", "stable", "a b", "caf\xc3\xa9"}) {
    EXPECT_EQ(SetLabel(label, 1).status.code(), absl::StatusCode::kInvalidArgument) << label;
  }
  EXPECT_EQ(SetLabel(std::string(65, 'x'), 1).status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SetLabel("canary", 1, kWholeShare + 1).status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SetLabel("other", 1, 1).status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SetLabel("canary", 9).status.code(), absl::StatusCode::kNotFound);
}

TEST_F(ModelManagerTest, WhatWasLoadedByNameStaysReadyUntilUnloaded) {
  for (const uint64_t version : {1, 2}) Put(version);
  Begin();
  EXPECT_EQ(Load(1).version.state, VersionState::kReady);
  Rescan();
  EXPECT_EQ(State(1), VersionState::kReady);
  EXPECT_EQ(Serving(), 2u);
  EXPECT_TRUE(Load(1).status.ok());
  EXPECT_EQ(loader_->Loads(1), 1);
  const auto unload = [&] { return Ask([&](auto done) { manager_->Unload("demo", 1, std::move(done)); }).status; };
  EXPECT_TRUE(unload().ok());
  EXPECT_TRUE(unload().ok());
  EXPECT_TRUE(Eventually([&] { return State(1) == VersionState::kGone; }));
  EXPECT_EQ(Load(9).status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Load(9).status.message()), HasSubstr("there are 1, 2"));
}

TEST_F(ModelManagerTest, ADryRunKeepsNothing) {
  for (const uint64_t version : {1, 2}) Put(version);
  Begin();
  const auto validate = [&] { return Ask([&](auto done) { manager_->Validate("demo", 1, std::move(done)); }); };
  const Outcome good = validate();
  EXPECT_TRUE(good.status.ok());
  EXPECT_EQ(good.version.golden_queries, 7);
  loader_->Refuse(1, kBad);
  const Outcome bad = validate();
  EXPECT_EQ(bad.status, kBad);
  EXPECT_EQ(bad.version.reason, kBad.message());
  EXPECT_EQ(State(1), VersionState::kDiscovered);
  EXPECT_EQ(Status(1).golden_queries, 0);
  EXPECT_EQ(Answering("demo@1"), "");
  EXPECT_EQ(observer_.Lines("state demo/1").size(), 1u);
}

TEST_F(ModelManagerTest, LegacyFilesBesideABundleThatIsInvalidAreTried) {
  Put(1);
  fs::copy_file(Bundle(1), Folder(1) + "/other.safetensors");
  ASSERT_TRUE(Open().ok());
  loader_->Refuse(1, absl::InvalidArgumentError("not a bundle"));
  ASSERT_TRUE(manager_->LoadAll().ok());
  EXPECT_THAT(registry_.Find("demo")->info().path, HasSubstr("other.safetensors"));
  EXPECT_THAT(watch_->watched(), ElementsAre(Folder(1) + "/other.safetensors"));
  EXPECT_THAT(observer_.Lines("note"), ElementsAre(HasSubstr("not a bundle")));
}

TEST_F(ModelManagerTest, AServingVersionWhoseFolderVanishesServesOn) {
  Put(1);
  Put(2);
  Begin();
  ASSERT_TRUE(Load(1).status.ok());
  fs::rename(store_ + "/demo", dir_.File("away"));
  Rescan();
  EXPECT_EQ(Answering(), "2");
  EXPECT_EQ(observer_.Lines("note").size(), 1u);
  EXPECT_TRUE(Eventually([&] { return Status(1).version == 0; }));  // forgotten
  Rescan();
  EXPECT_EQ(observer_.Lines("note").size(), 1u);
}

TEST_F(ModelManagerTest, EachModelHasItsOwnPolicy) {
  for (const uint64_t version : {1, 2}) {
    Put(version, "shoes");
    Put(version, "hats");
  }
  options_.policies["hats"].pinned = 1;
  Begin();
  EXPECT_EQ(Serving("shoes"), 2u);
  EXPECT_EQ(Serving("hats"), 1u);
  EXPECT_EQ(manager_->List().size(), 2u);
  Put(3, "hats");
  Put(3, "shoes");
  Rescan();
  EXPECT_TRUE(Eventually([&] { return Answering("shoes") == "3"; }));
  EXPECT_EQ(Answering("hats"), "1");
}

TEST(VersionState, NamesAndTransitions) {
  EXPECT_EQ(VersionStateName(VersionState::kDraining), "draining");
  EXPECT_TRUE(MayFollow(VersionState::kWarming, VersionState::kReady));
  EXPECT_FALSE(MayFollow(VersionState::kDiscovered, VersionState::kReady));
  EXPECT_FALSE(MayFollow(VersionState::kReady, VersionState::kGone));
  EXPECT_FALSE(MayFollow(VersionState::kFailed, VersionState::kReady));
}

}  // namespace
}  // namespace kindred
