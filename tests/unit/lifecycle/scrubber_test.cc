#include "core/lifecycle/scrubber.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/test_model.h"
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

}  // namespace
}  // namespace kindred
