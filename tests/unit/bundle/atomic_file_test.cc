#include "core/bundle/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "core/base/str_cat.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Status Write(const std::string& path, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  return WriteFileAtomically(path, std::span(&part, 1));
}

TEST(AtomicFileTest, WritesPartsInOrder) {
  const testing::TempDir dir;
  const std::string_view a = "one ", b = "", c = "two";
  const std::span<const std::byte> parts[] = {std::as_bytes(std::span(a)), std::as_bytes(std::span(b)),
                                              std::as_bytes(std::span(c))};
  ASSERT_TRUE(WriteFileAtomically(dir.File("f"), parts).ok());
  EXPECT_EQ(testing::ReadFile(dir.File("f")), "one two");
  EXPECT_THAT(testing::ListDirectory(dir.path()), ElementsAre("f"));
}

TEST(AtomicFileTest, AMissingDirectoryIsNamed) {
  const testing::TempDir dir;
  const absl::Status status = Write(dir.File("none/f"), "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(dir.File("none/f")));
  EXPECT_TRUE(testing::ListDirectory(dir.path()).empty());
}

TEST(AtomicFileTest, AFileInPlaceOfTheDirectoryIsAnError) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("file"), "x");
  EXPECT_FALSE(Write(dir.File("file/f"), "x").ok());
  EXPECT_EQ(testing::ReadFile(dir.File("file")), "x");
}

TEST(AtomicFileTest, DirectoriesAndDevicesAreNotReplaced) {
  const testing::TempDir dir;
  ASSERT_EQ(mkdir(dir.File("d").c_str(), 0755), 0);
  ASSERT_EQ(mkfifo(dir.File("fifo").c_str(), 0600), 0);
  for (const std::string& path : {dir.File("d"), dir.File("fifo"), std::string("/dev/full")}) {
    const absl::Status status = Write(path, "x");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  }
  EXPECT_THAT(testing::ListDirectory(dir.path()), ElementsAre("d", "fifo"));
  EXPECT_FALSE(Write(dir.path() + "/", "x").ok());
  EXPECT_FALSE(Write("", "x").ok());
}

TEST(AtomicFileTest, ADirectoryThatCannotBeWrittenIsAnError) {
  // Nobody, root included, creates files here.
  EXPECT_FALSE(Write("/proc/kindred-test", "x").ok());
  if (geteuid() == 0) return;
  const testing::TempDir dir;
  ASSERT_EQ(chmod(dir.path().c_str(), 0500), 0);
  EXPECT_EQ(Write(dir.File("f"), "x").code(), absl::StatusCode::kPermissionDenied);
  ASSERT_EQ(chmod(dir.path().c_str(), 0700), 0);
  EXPECT_TRUE(testing::ListDirectory(dir.path()).empty());
}

// A file size limit makes write() fail part of the way, as a full disk does.
TEST(AtomicFileTest, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("old"), "old");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {4096, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const absl::Status over_old = Write(dir.File("old"), std::string(100'000, 'x'));
  const absl::Status fresh = Write(dir.File("new"), std::string(100'000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_FALSE(over_old.ok());
  EXPECT_THAT(std::string(fresh.message()), HasSubstr(dir.File("new")));
  EXPECT_THAT(std::string(fresh.message()), HasSubstr("File too large"));
  EXPECT_EQ(testing::ReadFile(dir.File("old")), "old");
  EXPECT_THAT(testing::ListDirectory(dir.path()), ElementsAre("old"));
}

TEST(AtomicFileTest, ReadersSeeOneWholeFileOrTheOther) {
  const testing::TempDir dir;
  const std::string path = dir.File("f");
  constexpr size_t kSize = 1 << 16;
  ASSERT_TRUE(Write(path, std::string(kSize, 'a')).ok());
  std::vector<std::thread> writers;
  for (char c : {'b', 'c'}) {
    writers.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(Write(path, std::string(kSize, c)).ok());
    });
  }
  for (int i = 0; i < 200; ++i) {
    const std::string text = testing::ReadFile(path);
    ASSERT_EQ(text.size(), kSize);
    ASSERT_EQ(text.find_first_not_of(text[0]), std::string::npos);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_THAT(testing::ListDirectory(dir.path()), ElementsAre("f"));
}

TEST(AtomicFileTest, TheFileIsReadableByOthersAsTheUmaskAllows) {
  const testing::TempDir dir;
  const mode_t mask = umask(022);
  ASSERT_TRUE(Write(dir.File("f"), "x").ok());
  umask(mask);
  struct stat info;
  ASSERT_EQ(stat(dir.File("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
}

TEST(AtomicFileTest, WhatIsNotPublishedIsGone) {
  const testing::TempDir dir;
  const std::string_view text = "piece";
  {
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(dir.File("f"));
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Write(std::as_bytes(std::span(text))).ok());
    EXPECT_EQ(testing::ListDirectory(dir.path()).size(), 1u);
    EXPECT_EQ(access(dir.File("f").c_str(), F_OK), -1);
  }
  EXPECT_TRUE(testing::ListDirectory(dir.path()).empty());
}

TEST(AtomicFileTest, IsWrittenPieceByPiece) {
  const testing::TempDir dir;
  const std::string_view text = "piece ";
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(dir.File("f"));
  ASSERT_TRUE(file.ok()) << file.status();
  AtomicFile moved = *std::move(file);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(moved.Write(std::as_bytes(std::span(text))).ok());
  ASSERT_TRUE(moved.Publish().ok());
  EXPECT_EQ(testing::ReadFile(dir.File("f")), "piece piece ");
  EXPECT_THAT(testing::ListDirectory(dir.path()), ElementsAre("f"));
}

}  // namespace
}  // namespace kindred
