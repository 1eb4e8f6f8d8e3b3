#include "core/bundle/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

TEST(MappedFileTest, MapsTheWholeFile) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "hello");
  const auto file = MappedFile::Open(dir.File("a"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->path(), dir.File("a"));
  ASSERT_EQ((*file)->bytes().size(), 5u);
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), "hello", 5), 0);
}

TEST(MappedFileTest, OutlivesTheName) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "hello");
  const auto file = MappedFile::Open(dir.File("a"));
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(unlink(dir.File("a").c_str()), 0);
  EXPECT_EQ(static_cast<char>((*file)->bytes()[4]), 'o');
}

TEST(MappedFileTest, FollowsSymbolicLinks) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "hello");
  ASSERT_EQ(symlink("a", dir.File("link").c_str()), 0);
  EXPECT_TRUE(MappedFile::Open(dir.File("link")).ok());
}

TEST(MappedFileTest, NamesThePathOfWhatIsNotThere) {
  const testing::TempDir dir;
  ASSERT_EQ(symlink("loop", dir.File("loop").c_str()), 0);
  testing::WriteFile(dir.File("file"), "x");
  for (const std::string& path : {dir.File("none"), dir.File("file") + "/below", dir.File("loop"), std::string(),
                                  dir.File(std::string(300, 'n'))}) {
    const auto file = MappedFile::Open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound) << file.status();
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(path));
  }
}

TEST(MappedFileTest, RejectsWhatIsNotARegularFile) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("empty"), "");
  // A FIFO without a writer: opening it must not wait for one.
  ASSERT_EQ(mkfifo(dir.File("fifo").c_str(), 0600), 0);
  for (const std::string& path : {dir.path(), dir.File("empty"), dir.File("fifo"), std::string("/dev/null")}) {
    const auto file = MappedFile::Open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument) << file.status();
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(path));
  }
}

TEST(MappedFileTest, SaysThatAFileIsNotReadable) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads every file";
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "hello");
  ASSERT_EQ(chmod(dir.File("a").c_str(), 0), 0);
  EXPECT_EQ(MappedFile::Open(dir.File("a")).status().code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace kindred
