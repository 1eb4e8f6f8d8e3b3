#include "core/lifecycle/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_format.h"
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

TEST_F(ModelStoreTest, TheNewestVersionServesAndOlderOnesAreNotRead) {
  Put("demo", "1", 1);
  Put("demo", "2", 2);
  ModelRegistry registry;
  std::vector<LoadReport> reports;
  ASSERT_TRUE(LoadLatest(root_, &registry, &reports).ok());
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].version.version, 2u);
  EXPECT_EQ(reports[0].model->version(), "2");  // the folder's, whatever the bundle says of itself
  EXPECT_EQ(registry.Find("demo"), reports[0].model);
  EXPECT_EQ(registry.Find(""), reports[0].model);
  EXPECT_EQ(registry.Find("other"), nullptr);
}

TEST_F(ModelStoreTest, ADamagedVersionIsPassedOverForTheOneBeforeWithTheReason) {
  Put("demo", "1", 1);
  const fs::path damaged = Put("demo", "2", 2);
  {
    std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-5, std::ios::end);
    file.put('\x7f');
  }
  ModelRegistry registry;
  std::vector<LoadReport> reports;
  ASSERT_TRUE(LoadLatest(root_, &registry, &reports).ok());
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_FALSE(reports[0].status.ok());
  EXPECT_THAT(std::string(reports[0].status.message()), HasSubstr(damaged.string()));
  EXPECT_EQ(reports[1].version.version, 1u);
  EXPECT_NE(registry.Find("demo"), nullptr);
}

TEST_F(ModelStoreTest, ABundleOfAnotherModelIsRefused) {
  Put("shoes", "1", 1);
  ModelRegistry registry;
  std::vector<LoadReport> reports;
  EXPECT_EQ(LoadLatest(root_, &registry, &reports).code(), absl::StatusCode::kNotFound);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_THAT(std::string(reports[0].status.message()),
              HasSubstr("bundle of model 'demo' in the folder of model 'shoes'"));
}

TEST_F(ModelStoreTest, AnEmptyStoreSaysWhatWasLookedFor) {
  ModelRegistry registry;
  std::vector<LoadReport> reports;
  EXPECT_THAT(std::string(LoadLatest(root_, &registry, &reports).message()),
              HasSubstr("<model>/<version>/bundle.safetensors"));
  EXPECT_EQ(LoadLatest(root_ / "nowhere", &registry, &reports).code(), absl::StatusCode::kNotFound);
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
