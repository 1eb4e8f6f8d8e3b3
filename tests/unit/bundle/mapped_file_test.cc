#include "core/bundle/mapped_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <span>
#include <string>

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

TEST(MappedFileTest, ACopyStaysWhatItWasWhateverHappensToTheFile) {
  const testing::TempDir dir;
  const std::string text(100'000, 'a');
  testing::WriteFile(dir.File("a"), text);
  const auto file = MappedFile::Open(dir.File("a"), LoadMode::kCopy);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->mode(), LoadMode::kCopy);
  testing::PatchFile(dir.File("a"), 5, "bcd");
  ASSERT_EQ(truncate(dir.File("a").c_str(), 10), 0);
  (*file)->ReleasePages();
  ASSERT_EQ((*file)->bytes().size(), text.size());
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), text.data(), text.size()), 0);
  EXPECT_FALSE((*file)->faulted());
  EXPECT_TRUE((*file)->CheckUnchanged().ok());
  std::string read(7, ' ');
  ASSERT_TRUE((*file)->Read(3, std::as_writable_bytes(std::span(read))).ok());
  EXPECT_EQ(read, "aaaaaaa");
}

TEST(MappedFileTest, AMapTellsWhetherItsFileChanged) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "hello");
  testing::WriteFile(dir.File("b"), "other");
  const auto file = MappedFile::Open(dir.File("a"));
  ASSERT_TRUE(file.ok());
  // Another file under its name is not its own.
  ASSERT_EQ(rename(dir.File("a").c_str(), dir.File("c").c_str()), 0);
  ASSERT_EQ(rename(dir.File("b").c_str(), dir.File("a").c_str()), 0);
  EXPECT_TRUE((*file)->CheckUnchanged().ok());
  struct timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, dir.File("c").c_str(), times, 0), 0);
  EXPECT_EQ((*file)->CheckUnchanged().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(truncate(dir.File("c").c_str(), 3), 0);
  const absl::Status shorter = (*file)->CheckUnchanged();
  EXPECT_EQ(shorter.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(shorter.message()), HasSubstr("has 3 bytes, expected the 5"));
  std::string read(5, ' ');
  const absl::Status gone = (*file)->Read(0, std::as_writable_bytes(std::span(read)));
  EXPECT_EQ(gone.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(gone.message()), HasSubstr("ends at byte 3"));
}

TEST(MappedFileTest, PagesCanBeLetGoOfAndAskedFor) {
  const testing::TempDir dir;
  const std::string text(50'000, 'a');
  testing::WriteFile(dir.File("a"), text);
  const auto file = MappedFile::Open(dir.File("a"));
  ASSERT_TRUE(file.ok());
  (*file)->Populate(4'095, 30'000);
  (*file)->Populate(0, 0);
  (*file)->ReleasePages();
  (*file)->Populate(49'999, 1);
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), text.data(), text.size()), 0);
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

TEST(MappedFileTest, AReadThatFailsForAnotherReasonSaysNothingAboutTheFile) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "hello");
  // The descriptor that Open will get, so that it can be made one that cannot be read.
  const int next = open("/dev/null", O_RDONLY);
  close(next);
  const auto file = MappedFile::Open(dir.File("a"));
  ASSERT_TRUE(file.ok()) << file.status();
  const int unreadable = open(dir.File("a").c_str(), O_WRONLY);
  ASSERT_EQ(dup2(unreadable, next), next);
  std::string read(5, ' ');
  const absl::Status status = (*file)->Read(0, std::as_writable_bytes(std::span(read)));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(dir.File("a")));
  close(unreadable);
}

TEST(MappedFileTest, ACopyIsGivenUp) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "hello");
  const std::function<bool()> no = [] { return false; };
  EXPECT_EQ(MappedFile::Open(dir.File("a"), LoadMode::kCopy, GoOn(no)).status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(MappedFile::Open(dir.File("a"), LoadMode::kMap, GoOn(no)).ok());
}

}  // namespace
}  // namespace kindred
