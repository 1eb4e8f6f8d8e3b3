// The manager with the real gate and the real watch.
#include "core/lifecycle/gated_loader.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "core/bundle/compression.h"
#include "tests/support/files.h"
#include "tests/unit/lifecycle/gate_models.h"
#include "tests/unit/lifecycle/manager_fixture.h"

namespace kindred {
namespace {

using testing::Eventually;
using ::testing::HasSubstr;

class GatedManagerTest : public testing::ManagerTest {
 protected:
  void BeginGated() {
    // These bundles have nothing to do with one another.
    options_.gate.min_overlap = 0;
    options_.gate.max_own_rank_drop = 1;
    options_.gate.min_catalogue = 0;
    auto opened = ModelManager::Open(options_, &registry_, &observer_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    manager_ = *std::move(opened);
    const absl::Status loaded = manager_->LoadAll();
    ASSERT_TRUE(loaded.ok()) << loaded;
    manager_->Start();
  }
};

TEST_F(GatedManagerTest, WhatIsPublishedServesAndWhatIsNotABundleDoesNot) {
  Put(1);
  BeginGated();
  Put(2);
  ASSERT_TRUE(Eventually([&] { return Serving() == 2; }));
  Put(3);
  testing::WriteFile(Bundle(3), "half a fi");
  ASSERT_TRUE(Eventually([&] { return State(3) == VersionState::kFailed; }));
  EXPECT_THAT(Status(3).reason, HasSubstr(Bundle(3)));
  EXPECT_EQ(Answering(), "2");
}

TEST_F(GatedManagerTest, ABundleOfAnotherModelIsRefused) {
  Put(1);
  Put(1, "shoes");
  BeginGated();
  std::filesystem::create_directories(store_ + "/hats");
  std::filesystem::rename(store_ + "/shoes/1", store_ + "/hats/1");
  manager_->Rescan();
  ASSERT_TRUE(Eventually([&] { return State(1, "hats") == VersionState::kFailed; }));
  EXPECT_THAT(Status(1, "hats").reason, HasSubstr("shoes"));
}

TEST_F(GatedManagerTest, TheVersionBeforeAnswersForOneThatIsOverwritten) {
  Put(1);
  BeginGated();
  Put(2);
  ASSERT_TRUE(Eventually([&] { return Serving() == 2; }));
  testing::PatchFile(Bundle(2), 4096, "careless");
  ASSERT_TRUE(Eventually([&] { return Serving() == 1; }));
  EXPECT_EQ(Answering(), "1");
  EXPECT_TRUE(Eventually([&] { return State(2) == VersionState::kFailed; }));
}

TEST(GatedLoaderTest, WhatThereIsNoMemoryForIsNotUnpacked) {
  const testing::TempDir folder;
  const std::string version = folder.File("demo/1"), work = folder.File("work");
  std::filesystem::create_directories(version);
  testing::WriteGateModel({}, folder.File("bundle"));
  ASSERT_TRUE(CompressBundle(folder.File("bundle"), version + "/bundle.safetensors.zst").ok());
  StoredVersion stored;
  stored.model = "demo";
  stored.version = 1;
  stored.path = version;
  GateOptions options;
  options.memory_limit_bytes = 1;
  const auto refused = MakeGatedLoader(options, work)->Prepare(stored, nullptr);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("models.gate.memory_limit_bytes"));
  EXPECT_FALSE(std::filesystem::exists(work));
  const auto prepared = MakeGatedLoader({}, work)->Prepare(stored, nullptr);
  EXPECT_TRUE(prepared.ok()) << prepared.status();
}

}  // namespace
}  // namespace kindred
