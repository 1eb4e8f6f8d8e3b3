#include "core/lifecycle/scrubber.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/support/files.h"
#include "tests/unit/engine/test_model.h"
#include "tests/unit/lifecycle/gate_models.h"
#include "tests/unit/lifecycle/manager_fixture.h"

namespace kindred {
namespace {

TEST(Scrubber, LetsGoOfWhatIsNoLongerThereAndStopsWhileItRests) {
  ModelRegistry registry;
  registry.Publish(testing::LoadModel({}));
  const std::weak_ptr<const Model> model = registry.Find("demo");
  const Scrubber scrubber(registry, 1e9, std::chrono::hours(1000), /*new_first=*/false,
                          [](const ModelHandle&, const std::string& what) { ADD_FAILURE() << what; });
  registry.Remove("demo");
  EXPECT_TRUE(testing::Eventually([&] { return model.expired(); }));
}

TEST(Scrubber, AReadThatFailsForAnotherReasonThanTheDiskPoisonsNothing) {
  const testing::TempDir folder;
  const std::string path = testing::WriteGateModel({}, folder.File("bundle"));
  // The descriptor that the map will get, so that it can be made one that cannot be read.
  const int next = open("/dev/null", O_RDONLY);
  close(next);
  const auto model = Model::Load(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const int unreadable = open(path.c_str(), O_WRONLY);
  ASSERT_EQ(dup2(unreadable, next), next);
  const absl::Status verified = (*model)->VerifyAgain(0, [] { return true; });
  EXPECT_EQ(verified.code(), absl::StatusCode::kUnavailable) << verified;
  ModelRegistry registry;
  registry.Publish(*model);
  {
    const Scrubber scrubber(registry, 1e9, std::chrono::hours(1000), /*new_first=*/false,
                            [](const ModelHandle&, const std::string& what) { ADD_FAILURE() << what; });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  EXPECT_FALSE((*model)->poisoned());
  close(unreadable);
}

// A generation whose last tensor is not what was sealed, and which nobody has read.
ModelHandle LoadRotten(uint32_t seed, const std::string& name) {
  testing::ModelShape shape;
  shape.seed = seed;
  const std::string path = testing::WriteModelFile(shape);
  std::string bytes = testing::ReadFile(path);
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
  testing::WriteFile(path, bytes);
  ModelLoadOptions options;
  options.name = name;
  options.verify = VerifyLevel::kHeader;
  return Model::Load(path, options).value();
}

TEST(Scrubber, WhatIsNewDoesNotWaitForTheRestToEnd) {
  ModelRegistry registry;
  registry.Publish(LoadRotten(1, "a"));
  std::atomic<int> found = 0;
  const Scrubber scrubber(registry, 1e9, std::chrono::hours(1000), /*new_first=*/true,
                          [&](const ModelHandle&, const std::string&) { ++found; });
  // From then on it rests.
  ASSERT_TRUE(testing::Eventually([&] { return found == 1; }));
  registry.Publish(LoadRotten(2, "b"));
  EXPECT_TRUE(testing::Eventually([&] { return found == 2; }));
}

}  // namespace
}  // namespace kindred
