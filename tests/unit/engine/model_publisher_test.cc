#include "core/engine/model_publisher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <vector>

#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelPublisherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / ("publish_" + std::to_string(getpid()) + "_" +
                                              ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_);
    file_ = testing::WriteModelFile({});
    model_dir_ = (root_ / "models" / "demo").string();
  }
  void TearDown() override {
    fs::remove_all(root_);
    fs::remove(file_);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(model_dir_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  fs::path root_;
  std::string file_, model_dir_;
};

TEST_F(ModelPublisherTest, AVersionIsThereAfterItsStepsWithTheBytesOfTheFile) {
  std::vector<std::string> steps;
  uint64_t copied = 0;
  PublishOptions options;
  options.progress = [&](std::string_view step, uint64_t done, uint64_t total) {
    if (steps.empty() || steps.back() != step) steps.emplace_back(step);
    EXPECT_LE(done, total);
    if (step == "copying") copied = done;
  };
  const auto published = PublishBundle(file_, model_dir_ + "/", options);
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->version, 1u);
  EXPECT_EQ(published->path, model_dir_ + "/1/bundle.safetensors");
  EXPECT_FALSE(published->already);
  EXPECT_EQ(copied, fs::file_size(file_));
  EXPECT_THAT(steps, ElementsAre("checking", "copying", "checking the copy", "syncing"));
  EXPECT_THAT(Names(), ElementsAre("1"));
  EXPECT_EQ(published->digest, (*Model::Load(published->path))->digest());
}

TEST_F(ModelPublisherTest, TheNextVersionIsOneMoreThanTheHighestFolderWhateverIsInIt) {
  fs::create_directories(fs::path(model_dir_) / "41");
  fs::create_directories(fs::path(model_dir_) / "077");
  EXPECT_EQ(PublishBundle(file_, model_dir_, {})->version, 42u);
}

TEST_F(ModelPublisherTest, WhatIsDamagedInTheStoreIsNotTheSameBundle) {
  const auto first = PublishBundle(file_, model_dir_, {});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(PublishBundle(file_, model_dir_, {})->already);
  // Its header is what it was.
  const auto size = fs::file_size(first->path);
  std::FILE* damaged = std::fopen(first->path.c_str(), "r+b");
  ASSERT_NE(damaged, nullptr);
  ASSERT_EQ(std::fseek(damaged, static_cast<long>(size) - 1, SEEK_SET), 0);
  const int last = std::fgetc(damaged);
  ASSERT_EQ(std::fseek(damaged, static_cast<long>(size) - 1, SEEK_SET), 0);
  std::fputc(last ^ 1, damaged);
  std::fclose(damaged);
  PublishOptions options;
  options.version = 1;
  const absl::Status named = PublishBundle(file_, model_dir_, options).status();
  EXPECT_EQ(named.code(), absl::StatusCode::kDataLoss) << named;
  EXPECT_THAT(std::string(named.message()), HasSubstr("version 1 of model 'demo' is this bundle, but"));
  const auto second = PublishBundle(file_, model_dir_, {});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->version, 2u);
  EXPECT_FALSE(second->already);
}

TEST_F(ModelPublisherTest, NoVersionFollowsTheHighestThereCanBe) {
  fs::create_directories(fs::path(model_dir_) / "18446744073709551615");
  const absl::Status status = PublishBundle(file_, model_dir_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("18446744073709551615"));
  EXPECT_THAT(Names(), ElementsAre("18446744073709551615"));
  PublishOptions options;
  options.version = 5;
  EXPECT_EQ(PublishBundle(file_, model_dir_, options)->version, 5u);
}

TEST_F(ModelPublisherTest, AnEmptyFolderOfThatVersionIsFilled) {
  fs::create_directories(fs::path(model_dir_) / "3");
  PublishOptions options;
  options.version = 3;
  EXPECT_EQ(PublishBundle(file_, model_dir_, options)->version, 3u);
}

TEST_F(ModelPublisherTest, AFolderWithSomethingElseIsNotReplaced) {
  fs::create_directories(fs::path(model_dir_) / "3" / "notes");
  PublishOptions options;
  options.version = 3;
  EXPECT_EQ(PublishBundle(file_, model_dir_, options).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(Names(), ElementsAre("3"));
}

TEST_F(ModelPublisherTest, AFileThatChangesWhileItIsCopiedIsNotPublished) {
  testing::ModelShape other;
  other.seed = 2;
  const std::string changed = testing::WriteModelFile(other);
  PublishOptions options;
  options.progress = [&](std::string_view step, uint64_t done, uint64_t) {
    if (step == "copying" && done == 0) fs::rename(changed, file_);
  };
  // The first call of "copying" comes when the file is open: what is renamed over it does not matter.
  EXPECT_TRUE(PublishBundle(file_, model_dir_, options).ok());
  options.progress = [&](std::string_view step, uint64_t, uint64_t) {
    if (step == "checking the copy") {
      for (const auto& entry : fs::directory_iterator(model_dir_)) {
        if (!entry.path().filename().string().starts_with(kPublishPrefix)) continue;
        fs::copy_file(testing::WriteModelFile({}), entry.path() / "bundle.safetensors",
                      fs::copy_options::overwrite_existing);
      }
    }
  };
  options.version = 9;
  const auto published = PublishBundle(file_, model_dir_, options);
  EXPECT_EQ(published.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(published.status().message()), HasSubstr("changed while it was copied"));
  EXPECT_THAT(Names(), ElementsAre("1"));
}

TEST_F(ModelPublisherTest, AnotherPublishersFolderStaysWhileItIsLocked) {
  const fs::path folder = fs::path(model_dir_) / ".publish-x";
  fs::create_directories(folder);
  const timespec old[] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, folder.c_str(), old, 0), 0);
  const int lock = open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  ASSERT_TRUE(PublishBundle(file_, model_dir_, {}).ok());
  EXPECT_THAT(Names(), ElementsAre(".publish-x", "1"));
  close(lock);
  ASSERT_TRUE(PublishBundle(file_, model_dir_, {}).ok());
  EXPECT_THAT(Names(), ElementsAre("1"));
}

TEST_F(ModelPublisherTest, ErrorsSayWhereAndLeaveNothing) {
  EXPECT_EQ(PublishBundle(root_ / "none", model_dir_, {}).status().code(), absl::StatusCode::kNotFound);
  const auto other = PublishBundle(file_, (root_ / "models" / "shoes").string(), {});
  EXPECT_EQ(other.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("is a bundle of model 'demo'"));
  EXPECT_FALSE(fs::exists(root_ / "models"));
  EXPECT_EQ(PublishBundle(file_, "/", {}).status().code(), absl::StatusCode::kInvalidArgument);
  // A file where the store should be.
  fs::create_directories(root_ / "models");
  fs::copy_file(file_, model_dir_);
  EXPECT_FALSE(PublishBundle(file_, model_dir_, {}).ok());
}

}  // namespace
}  // namespace kindred
