#include "server/model_events.h"

#include <gtest/gtest.h>

#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

class ModelEventsTest : public ::testing::Test {
 protected:
  ModelEventsTest() {
    events_.OnServingChange([this] { ++changes_; });
    version_.model = "shop";
    version_.version = 7;
  }

  AvailabilityRegistry availability_;
  ModelEvents events_{&availability_};
  VersionStatus version_;
  int changes_ = 0;
};

TEST_F(ModelEventsTest, CountsWhatBecameOfVersions) {
  // The second time it is ready it had not left.
  for (const VersionState state : {VersionState::kDiscovered, VersionState::kVerifying, VersionState::kWarming,
                                   VersionState::kReady, VersionState::kDraining, VersionState::kReady}) {
    version_.state = state;
    events_.OnState(version_);
  }
  version_.state = VersionState::kFailed;
  events_.OnState(version_);
  // Damage is told apart: that version had been loaded.
  version_.poisoned = true;
  events_.OnState(version_);
  events_.OnDamage(version_, "modified", "changed at offset 7");
  const ModelCounts counts = events_.counts().at("shop");
  EXPECT_EQ(counts.loaded, 1u);
  EXPECT_EQ(counts.refused, 1u);
  EXPECT_EQ(counts.damage.at("modified"), 1u);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ModelEventsTest, TellsSwapsFromTheFirstVersionAndRollbacksFromBoth) {
  events_.OnServing(version_, 0);
  EXPECT_EQ(events_.counts().at("shop").swaps, 0u);
  events_.OnServing(version_, 6);
  EXPECT_EQ(events_.counts().at("shop").rollbacks, 0u);
  events_.OnServing(version_, 8);
  EXPECT_EQ(events_.counts().at("shop").swaps, 2u);
  EXPECT_EQ(events_.counts().at("shop").rollbacks, 1u);
  EXPECT_EQ(changes_, 3);
}

TEST_F(ModelEventsTest, AGenerationsAvailabilityIsMadeBeforeItServes) {
  const ModelHandle model = testing::LoadGeneration(7);
  events_.OnPrepare(model);
  ASSERT_EQ(availability_.Snapshot()->size(), 1u);
  EXPECT_EQ(availability_.Snapshot()->front().model.lock(), model);
}

}  // namespace
}  // namespace kindred
