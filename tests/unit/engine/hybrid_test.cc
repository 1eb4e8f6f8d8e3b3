#include "core/engine/hybrid.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/support/files.h"
#include "tests/unit/engine/space_zoo.h"

namespace kindred {
namespace {

// Whether a zoo of these spaces alone is; "implicit" is the default one.
bool IsReadyWith(const std::set<std::string, std::less<>>& spaces) {
  testing::SpaceZoo zoo;
  std::erase_if(zoo.specs, [&](const auto& entry) { return !spaces.contains(entry.first); });
  TensorMap tensors = zoo.Tensors();
  std::erase_if(tensors, [&](const auto& entry) {
    const std::string_view name = entry.first;
    if (!name.starts_with("space.")) return false;
    const std::string_view rest = name.substr(std::string_view("space.").size());
    return !spaces.contains(rest.substr(0, rest.find('.')));
  });
  const testing::TempDir dir;
  const absl::Status written = WriteBundle(dir.File("zoo"), tensors, zoo.metadata());
  EXPECT_TRUE(written.ok()) << written;
  const auto model = Model::Load(dir.File("zoo"));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() && IsHybridReady(**model);
}

TEST(Hybrid, AModelWithContentOrABlendIsReady) {
  EXPECT_FALSE(IsReadyWith({"implicit"}));
  EXPECT_FALSE(IsReadyWith({"implicit", "neighbors"})) << "what users did, too";
  EXPECT_TRUE(IsReadyWith({"implicit", "words"}));
  EXPECT_TRUE(IsReadyWith({"implicit", "traits", "vectors", "blend"}));
}

}  // namespace
}  // namespace kindred
