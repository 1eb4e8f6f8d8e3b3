#include "clients/cli/id_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kindred {
namespace {

TEST(IdFile, AnIdALine) {
  const std::string path = testing::TempDir() + "/ids.txt";
  std::ofstream(path, std::ios::binary) << "\xEF\xBB\xBF"
                                        << "a\r\n\nb c\n\"d\"\n\re";
  const auto ids = ReadIdFile(path);
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_THAT(*ids, testing::ElementsAre("a", "b c", "\"d\"", "\re"));
  std::filesystem::remove(path);
}

TEST(IdFile, ThatIsNotThere) {
  const auto ids = ReadIdFile("/no/such/file");
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(ids.status().message()), testing::HasSubstr("/no/such/file"));
}

}  // namespace
}  // namespace kindred
