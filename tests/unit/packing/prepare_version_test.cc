#include "core/packing/prepare_version.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/bundle/compression.h"
#include "core/engine/model.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"
#include "tests/unit/packing/npy_bytes.h"
#include "tests/unit/packing/pickle_bytes.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;
using kindred::testing::BundleBuilder;
using kindred::testing::ListDirectory;
using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

class PrepareVersionTest : public ::testing::Test {
 protected:
  PrepareVersionTest() { fs::create_directories(version_); }
  std::string In(const std::string& name) { return version_ + "/" + name; }
  void WriteLegacy() {
    WriteFile(In("user_latent_factors.npy"),
              NpyFile(1, NpyDict("<f8", false, "(2, 2)"), Elements<double>({1, 2, 3, 4})));
    WriteFile(In("item_latent_factors.npy"),
              NpyFile(1, NpyDict("<f4", false, "(2, 2)"), Elements<float>({1, 2, 3, 5})));
    WriteFile(In("customer_mapping.pkl"), PickledMappings()[4]);
    WriteFile(In("item_mapping.pkl"), PickledNumpyMappings()[2]);
  }
  void WriteCompressed(uint32_t seed = 1) {
    ASSERT_TRUE(BundleBuilder({.seed = seed}).WriteSealed(dir_.File("b")).ok());
    ASSERT_TRUE(CompressBundle(dir_.File("b"), In("bundle.safetensors.zst")).ok());
  }
  absl::StatusOr<std::string> Prepare() { return PrepareVersion(version_, "shop", "7", work_, nullptr); }

  TempDir dir_;
  const std::string version_ = dir_.File("store/shop/7"), work_ = dir_.File("work/here");
};

TEST_F(PrepareVersionTest, FormsGoByPreference) {
  EXPECT_EQ(FindVersionForm(version_), std::nullopt);
  EXPECT_EQ(FindVersionForm(In("none")), std::nullopt);
  EXPECT_EQ(Prepare().status().code(), absl::StatusCode::kNotFound);
  WriteLegacy();
  EXPECT_EQ(FindVersionForm(version_), VersionForm::kLegacy);
  WriteCompressed();
  EXPECT_EQ(FindVersionForm(version_), VersionForm::kCompressed);
  WriteFile(In("bundle.safetensors"), "");
  EXPECT_EQ(FindVersionForm(version_), VersionForm::kBundle);
}

TEST_F(PrepareVersionTest, ABundleStaysWhereItIs) {
  WriteFile(In("bundle.safetensors"), "not looked at");
  EXPECT_EQ(*Prepare(), In("bundle.safetensors"));
  EXPECT_FALSE(fs::exists(work_));
}

TEST_F(PrepareVersionTest, ACompressedBundleIsUnpackedOnce) {
  WriteCompressed();
  const auto path = Prepare();
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(*path, MatchesRegex(work_ + "/shop-7-[0-9a-f]{16}.safetensors"));
  EXPECT_EQ(ReadFile(*path), ReadFile(dir_.File("b")));
  EXPECT_EQ(ListDirectory(work_).size(), 1u);
  struct stat before, after;
  ASSERT_EQ(stat(path->c_str(), &before), 0);
  EXPECT_EQ(*Prepare(), *path);
  ASSERT_EQ(stat(path->c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino) << "it was made again";
}

TEST_F(PrepareVersionTest, OneThatIsDamagedIsMadeAgain) {
  WriteCompressed();
  const std::string path = *Prepare(), bytes = ReadFile(path);
  testing::PatchFile(path, bytes.size() - 1, std::string(1, static_cast<char>(bytes.back() ^ 1)));
  EXPECT_EQ(*Prepare(), path);
  EXPECT_EQ(ReadFile(path), bytes);
}

TEST_F(PrepareVersionTest, OtherBytesGetAnotherName) {
  WriteCompressed();
  const std::string first = *Prepare();
  WriteCompressed(2);
  const std::string second = *Prepare();
  EXPECT_NE(first, second);
  EXPECT_NE(*PrepareVersion(version_, "other", "7", work_, nullptr), second);
  CleanPrepared(work_, {second});
  EXPECT_THAT(ListDirectory(work_), ElementsAre(fs::path(second).filename().string()));
}

TEST_F(PrepareVersionTest, LegacyFilesBecomeAModel) {
  WriteLegacy();
  const auto path = Prepare();
  ASSERT_TRUE(path.ok()) << path.status();
  const auto model = Model::Load(*path);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->info().model, "shop");
  EXPECT_EQ((*model)->info().version, "7");
  EXPECT_EQ((*model)->users().Find("anna"), 1u);
  EXPECT_EQ((*model)->items().Find("7001"), 1u);
  EXPECT_EQ(ListDirectory(work_).size(), 1u);
  EXPECT_EQ(*Prepare(), *path);
  // The same files make the same bundle, wherever and whenever it is made.
  const auto again = PrepareVersion(version_, "shop", "7", dir_.File("elsewhere"), nullptr);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ReadFile(*again), ReadFile(*path));
}

TEST_F(PrepareVersionTest, LegacyFilesStandInForABundleThatCannotBeUsed) {
  WriteFile(In("bundle.safetensors"), "broken");
  EXPECT_EQ(PrepareLegacy(version_, "shop", "7", work_, nullptr).status().code(), absl::StatusCode::kNotFound);
  WriteLegacy();
  const auto path = PrepareLegacy(version_, "shop", "7", work_, nullptr);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_TRUE(Model::Load(*path).ok());
}

TEST_F(PrepareVersionTest, WhatFailsLeavesNothing) {
  WriteCompressed();
  const std::string bytes = ReadFile(In("bundle.safetensors.zst"));
  WriteFile(In("bundle.safetensors.zst"), bytes.substr(0, bytes.size() / 2));
  const absl::Status status = Prepare().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(In("bundle.safetensors.zst")));
  EXPECT_THAT(ListDirectory(work_), IsEmpty());
  WriteLegacy();
  WriteFile(In("item_mapping.pkl"), "cos\nsystem\n.");
  EXPECT_THAT(std::string(PrepareLegacy(version_, "shop", "7", work_, nullptr).status().message()),
              HasSubstr("os.system"));
  EXPECT_THAT(ListDirectory(work_), IsEmpty());
}

TEST_F(PrepareVersionTest, StopsWhenItIsTold) {
  WriteLegacy();
  for (int stop_at = 1; stop_at <= 4; ++stop_at) {
    int asked = 0;
    const absl::Status status =
        PrepareVersion(version_, "shop", "7", work_, [&] { return ++asked < stop_at; }).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << stop_at << ": " << status;
    if (fs::exists(work_)) {
      EXPECT_THAT(ListDirectory(work_), IsEmpty());
    }
  }
}

TEST_F(PrepareVersionTest, AVersionThatChangesMeanwhileIsNotTaken) {
  WriteLegacy();
  int asked = 0;
  const absl::Status status = PrepareVersion(version_, "shop", "7", work_, [&] {
                                if (++asked == 2) WriteFile(In("recommendations.csv"), "user,item\nanna,7001\n");
                                return true;
                              }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(ListDirectory(work_), IsEmpty());
}

TEST_F(PrepareVersionTest, CleaningTakesWhatRunsThatDiedLeftAndNothingElse) {
  WriteCompressed();
  const std::string kept = *Prepare();
  fs::create_directories(work_ + "/.making-dead");
  WriteFile(work_ + "/.making-dead/bundle.safetensors", "half");
  fs::create_directories(work_ + "/.making-alive");
  WriteFile(work_ + "/notes.txt", "of somebody else");
  WriteFile(work_ + "/mine.safetensors", "of somebody else");
  const int alive = open((work_ + "/.making-alive").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(alive, LOCK_EX), 0);
  CleanPrepared(work_, {kept});
  EXPECT_THAT(ListDirectory(work_),
              ElementsAre(".making-alive", "mine.safetensors", "notes.txt", fs::path(kept).filename().string()));
  close(alive);
  CleanPrepared(work_, {});
  EXPECT_THAT(ListDirectory(work_), ElementsAre("mine.safetensors", "notes.txt"));
  CleanPrepared(dir_.File("none"), {});
}

TEST_F(PrepareVersionTest, CheckingWhatWasMadeBeforeIsGivenUp) {
  WriteCompressed();
  ASSERT_TRUE(Prepare().ok());
  int asked = 0;
  const auto given_up = PrepareVersion(version_, "shop", "7", work_, [&] { return ++asked > 1000; });
  EXPECT_EQ(given_up.status().code(), absl::StatusCode::kCancelled) << given_up.status();
  int questions = 0;
  EXPECT_TRUE(PrepareVersion(version_, "shop", "7", work_, [&] { return ++questions > 0; }).ok());
  EXPECT_GE(questions, 10);
}

}  // namespace
}  // namespace kindred
