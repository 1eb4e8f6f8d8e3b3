#include "core/base/unique_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace kindred {
namespace {

namespace fs = std::filesystem;

TEST(MakeUniqueFolderTest, EachIsAnotherAndItsOwnersAlone) {
  const std::string prefix = ::testing::TempDir() + "unique-";
  std::set<std::string> made;
  for (int i = 0; i < 20; ++i) {
    const auto folder = MakeUniqueFolder(prefix);
    ASSERT_TRUE(folder.ok()) << folder.status();
    EXPECT_EQ(folder->size(), prefix.size() + 6);
    EXPECT_TRUE(folder->starts_with(prefix));
    EXPECT_TRUE(fs::is_directory(*folder));
    EXPECT_EQ(fs::status(*folder).permissions(), fs::perms::owner_all);
    EXPECT_FALSE(folder->ends_with(std::string(6, 'X')));  // no template is left in the name
    EXPECT_TRUE(made.insert(*folder).second);
  }
  for (const std::string& folder : made) fs::remove(folder);
}

TEST(MakeUniqueFolderTest, SaysWhereItCouldNot) {
  const auto folder = MakeUniqueFolder("/no/such/folder/unique-");
  EXPECT_EQ(folder.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(folder.status().message().find("/no/such/folder/unique-"), absl::string_view::npos);
}

}  // namespace
}  // namespace kindred
