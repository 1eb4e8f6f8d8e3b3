#include "core/lifecycle/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_format.h"
#include "core/lifecycle/model_registry.h"
#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ModelStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            absl::StrFormat("store_%d_%s", getpid(), ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  // Puts a model (of `seed`) at <model>/<version>; the bundle itself says it is "demo".
  fs::path Put(const std::string& model, const std::string& version, uint32_t seed) {
    const fs::path folder = root_ / model / version;
    fs::create_directories(folder);
    testing::ModelShape shape;
    shape.seed = seed;
    fs::rename(testing::WriteModelFile(shape), folder / kBundleFileName);
    return folder / kBundleFileName;
  }

  fs::path root_;
};

TEST_F(ModelStoreTest, VersionsAreDecimalFoldersWithABundleInNumericOrder) {
  for (const char* version : {"2", "10", "1"}) Put("demo", version, 1);
  for (const char* other : {"latest", "03", "-1", ".tmp-4", "5x"}) Put("demo", other, 1);
  fs::create_directories(root_ / "demo" / "7");
  std::ofstream(root_ / "README") << "not a model";
  const auto found = ScanModelStore(root_);
  ASSERT_TRUE(found.ok());
  std::vector<uint64_t> versions;
  for (const StoredVersion& stored : *found) versions.push_back(stored.version);
  EXPECT_THAT(versions, ::testing::ElementsAre(1, 2, 10));
}

TEST_F(ModelStoreTest, CompressedAndLegacyVersionsAreVersions) {
  Put("demo", "1", 1);
  for (const auto& [version, files] :
       {std::pair("2", std::vector<std::string>{"bundle.safetensors.zst"}),
        std::pair("3", std::vector<std::string>{"user_latent_factors.npy", "item_latent_factors.npy"}),
        std::pair("4", std::vector<std::string>{"readme.txt"})}) {
    fs::create_directories(root_ / "demo" / version);
    for (const std::string& file : files) std::ofstream(root_ / "demo" / version / file) << "x";
  }
  const auto found = ScanModelStore(root_);
  ASSERT_TRUE(found.ok());
  std::vector<uint64_t> versions;
  for (const StoredVersion& stored : *found) versions.push_back(stored.version);
  EXPECT_THAT(versions, ::testing::ElementsAre(1, 2, 3));
}

TEST_F(ModelStoreTest, AFolderThatCannotBeReadIsNotTakenForEmpty) {
  Put("demo", "1", 1);
  fs::create_symlink("nowhere", root_ / "gone");
  EXPECT_TRUE(ScanModelStore(root_).ok());
  fs::create_symlink("loop", root_ / "loop");
  const auto found = ScanModelStore(root_);
  EXPECT_EQ(found.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr((root_ / "loop").string()));
}

TEST_F(ModelStoreTest, AStoreThatIsNotThereIsSaidSo) {
  EXPECT_EQ(ScanModelStore(root_ / "nowhere").status().code(), absl::StatusCode::kNotFound);
}

TEST(ModelReaderTest, ReadersSeeEveryPublicationAndHoldWhatTheyFound) {
  ModelRegistry registry;
  ModelReader reader(registry);
  EXPECT_EQ(reader.Find("demo"), nullptr);
  const auto first = testing::LoadModel({});
  registry.Publish(first);
  const ModelHandle held = reader.Find("demo");
  EXPECT_EQ(held, first);
  testing::ModelShape shape;
  shape.seed = 2;
  const auto second = testing::LoadModel(shape);
  registry.Publish(second);
  EXPECT_EQ(reader.Find("demo"), second);
  EXPECT_EQ(held->n_items(), 200u);
}

TEST(ModelReaderTest, ConcurrentPublicationsAndReadsAreSafe) {
  const auto a = testing::LoadModel({});
  testing::ModelShape shape;
  shape.seed = 2;
  const auto b = testing::LoadModel(shape);
  ModelRegistry registry;
  registry.Publish(a);
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      ModelReader reader(registry);
      while (!stop) {
        const ModelHandle& model = reader.Find("demo");
        ASSERT_TRUE(model == a || model == b);
      }
    });
  }
  for (int i = 0; i < 2000; ++i) registry.Publish(i % 2 == 0 ? b : a);
  stop = true;
  for (std::thread& thread : readers) thread.join();
  EXPECT_EQ(registry.epoch(), 2001u);
}

}  // namespace
}  // namespace kindred
