#include "core/lifecycle/scrubber.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

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
  const Scrubber scrubber(registry, 1e9, std::chrono::hours(1000),
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
    const Scrubber scrubber(registry, 1e9, std::chrono::hours(1000),
                            [](const ModelHandle&, const std::string& what) { ADD_FAILURE() << what; });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  EXPECT_FALSE((*model)->poisoned());
  close(unreadable);
}

}  // namespace
}  // namespace kindred
