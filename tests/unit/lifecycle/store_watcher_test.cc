#include "core/lifecycle/store_watcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/support/files.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::WriteFile;

constexpr milliseconds kDeadline{20'000};
constexpr milliseconds kQuiet{600};  // more than two looks at files

class StoreWatcherTest : public ::testing::Test {
 protected:
  StoreWatcherTest()
      : root_(fs::path(folder_.path()) / "models"), file_((root_ / "demo/1/bundle.safetensors").string()) {
    fs::create_directories(root_ / "demo/1");
    WriteFile(file_, "0123456789");
    watcher_ = *StoreWatcher::Open(root_.string());
  }
  // The kind of what happened to file_ next, "store" for a change of the store alone, "" for nothing.
  std::string Next(milliseconds timeout = kDeadline) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    bool store_changed = false;
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
      const StoreWatcher::Events events = watcher_->Wait(std::max(left, milliseconds(0)));
      if (!events.files.empty()) return events.files.front().path == file_ ? events.files.front().kind : "another";
      store_changed = store_changed || events.store_changed;
      if (left.count() <= 0) return store_changed ? "store" : "";
    }
  }
  bool StoreChanges(milliseconds timeout = kDeadline) { return watcher_->Wait(timeout).store_changed; }
  // Takes in what belongs to a change that was told.
  void Settle() {
    while (!watcher_->Wait(kQuiet).empty()) {
    }
  }

  const testing::TempDir folder_;
  const fs::path root_;
  const std::string file_;
  std::unique_ptr<StoreWatcher> watcher_;
};

TEST_F(StoreWatcherTest, NothingHappensUntilSomethingDoes) {
  watcher_->WatchFile(file_);
  EXPECT_TRUE(watcher_->Wait(kQuiet).empty());
  EXPECT_EQ(watcher_->note(), "");
}

TEST_F(StoreWatcherTest, NewModelsAndVersionsAreTold) {
  fs::create_directories(root_ / "demo/.publish-1");
  WriteFile((root_ / "demo/.publish-1/bundle.safetensors").string(), "new");
  EXPECT_FALSE(StoreChanges(kQuiet));  // not a version yet
  fs::rename(root_ / "demo/.publish-1", root_ / "demo/2");
  EXPECT_TRUE(StoreChanges());
  Settle();
  fs::create_directories(root_ / "other");
  EXPECT_TRUE(StoreChanges());
  Settle();
  fs::create_directories(root_ / "other/1");
  EXPECT_TRUE(StoreChanges());
  Settle();
  WriteFile((root_ / "other/1/bundle.safetensors").string(), "new");
  EXPECT_TRUE(StoreChanges());
  Settle();
  fs::remove_all(root_ / "other");
  EXPECT_TRUE(StoreChanges());
}

TEST_F(StoreWatcherTest, AStoreThatComesLaterIsFound) {
  const fs::path later = fs::path(folder_.path()) / "later";
  watcher_ = *StoreWatcher::Open(later.string());
  EXPECT_FALSE(StoreChanges(kQuiet));
  fs::create_directories(later / "demo/1");
  EXPECT_TRUE(StoreChanges());
}

TEST_F(StoreWatcherTest, AWriteIsAModificationAlsoOfTheSameSize) {
  watcher_->WatchFile(file_);
  testing::PatchFile(file_, 3, "x");
  EXPECT_EQ(Next(), "modified");
  Settle();
  fs::resize_file(file_, 4);
  EXPECT_EQ(Next(), "modified");
  Settle();
  EXPECT_EQ(Next(kQuiet), "");
}

TEST_F(StoreWatcherTest, NewTimesAloneAreATouch) {
  watcher_->WatchFile(file_);
  const timespec times[] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, file_.c_str(), times, 0), 0);
  EXPECT_EQ(Next(), "touched");
  Settle();
  EXPECT_EQ(Next(kQuiet), "");
}

TEST_F(StoreWatcherTest, AFileThatIsGoneOrReplacedIsDeletedOnce) {
  watcher_->WatchFile(file_);
  ASSERT_EQ(unlink(file_.c_str()), 0);
  EXPECT_EQ(Next(), "deleted");
  Settle();
  EXPECT_EQ(Next(kQuiet), "");
  WriteFile(file_, "0123456789");
  watcher_->WatchFile(file_);  // from now on
  Settle();
  WriteFile(file_ + ".new", "0123456789");
  fs::rename(file_ + ".new", file_);
  EXPECT_EQ(Next(), "deleted");
}

TEST_F(StoreWatcherTest, AMovedFolderTakesItsFileAway) {
  watcher_->WatchFile(file_);
  fs::rename(root_ / "demo", root_ / "moved");
  EXPECT_EQ(Next(), "deleted");
}

TEST_F(StoreWatcherTest, AFileThatNobodyMayReadIsUnreadableUntilSomebodyMay) {
  watcher_->WatchFile(file_);
  ASSERT_EQ(chmod(file_.c_str(), 0), 0);
  EXPECT_EQ(Next(), "unreadable");
  Settle();
  ASSERT_EQ(chmod(file_.c_str(), 0644), 0);
  EXPECT_EQ(Next(kQuiet), "store");
  ASSERT_EQ(chmod(file_.c_str(), 0), 0);
  EXPECT_EQ(Next(), "unreadable");
}

TEST_F(StoreWatcherTest, OneOfTwoNamesOfAFileMayGo) {
  const std::string other = (root_ / "demo/1/other").string();
  fs::create_hard_link(file_, other);
  watcher_->WatchFile(file_);
  watcher_->WatchFile(other);
  watcher_->UnwatchFile(other);
  watcher_->UnwatchFile(other);
  Settle();
  testing::PatchFile(other, 3, "x");
  EXPECT_EQ(Next(), "modified");
}

TEST_F(StoreWatcherTest, AFileThatIsNotWatchedAnyMoreIsNotTold) {
  watcher_->WatchFile(file_);
  watcher_->UnwatchFile(file_);
  testing::PatchFile(file_, 3, "x");
  EXPECT_EQ(Next(kQuiet), "store");
}

TEST_F(StoreWatcherTest, AnotherThreadWakesIt) {
  std::thread waker([this] { watcher_->Wake(); });
  EXPECT_TRUE(watcher_->Wait(kDeadline).empty());
  waker.join();
  watcher_->Wake();
  EXPECT_TRUE(watcher_->Wait(kDeadline).empty());  // also the next one
}

TEST_F(StoreWatcherTest, WithoutTheKernelsHelpLookingFindsTheSame) {
  watcher_ = *StoreWatcher::Open(root_.string(), /*ask_kernel=*/false);
  watcher_->WatchFile(file_);
  EXPECT_TRUE(watcher_->Wait(kQuiet).empty());
  testing::PatchFile(file_, 3, "x");
  EXPECT_EQ(Next(), "touched");  // of the same size: whether its content changed nobody said
  fs::resize_file(file_, 4);
  EXPECT_EQ(Next(), "modified");
  ASSERT_EQ(unlink(file_.c_str()), 0);
  EXPECT_EQ(Next(), "deleted");
  watcher_->UnwatchFile(file_);
  while (StoreChanges(milliseconds(2000))) {
  }
  fs::create_directories(root_ / "other/1");
  EXPECT_TRUE(StoreChanges());
}

TEST_F(StoreWatcherTest, ManyVersionsAtOnceAreAllWatched) {
  for (int version = 2; version < 200; ++version) fs::create_directories(root_ / "demo" / std::to_string(version));
  EXPECT_TRUE(StoreChanges());
  Settle();
  WriteFile((root_ / "demo/199/bundle.safetensors").string(), "new");
  EXPECT_TRUE(StoreChanges());
}

TEST(WatchedFileTest, LookingAloneFindsEverything) {
  const testing::TempDir folder;
  const std::string path = folder.File("a");
  EXPECT_EQ(WatchedFile(path).Look(), FileChange::kDeleted);
  WriteFile(path, "0123456789");
  WatchedFile file(path);
  EXPECT_EQ(file.Look(), FileChange::kNone);
  fs::resize_file(path, 20);
  EXPECT_EQ(file.Look(), FileChange::kModified);
  EXPECT_EQ(file.Look(), FileChange::kNone);
  // Written and its times set back: that of the last change tells.
  struct stat before;
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  std::this_thread::sleep_for(milliseconds(20));  // file systems count time in steps of some milliseconds
  testing::PatchFile(path, 1, "y");
  const timespec times[] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  EXPECT_EQ(file.Look(), FileChange::kTouched);
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  EXPECT_EQ(file.Look(), FileChange::kUnreadable);
  ASSERT_EQ(rename(path.c_str(), folder.File("b").c_str()), 0);
  EXPECT_EQ(file.Look(), FileChange::kDeleted);
  ASSERT_EQ(truncate(folder.File("b").c_str(), 3), 0);
  EXPECT_EQ(file.Look(), FileChange::kModified);  // its map is still in use
  EXPECT_EQ(file.Look(), FileChange::kNone);
}

}  // namespace
}  // namespace kindred
