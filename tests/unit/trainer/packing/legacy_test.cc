#include "trainer/packing/legacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/engine/model.h"
#include "tests/support/files.h"
#include "tests/unit/trainer/packing/npy_bytes.h"
#include "trainer/packing/pack.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LegacyTest : public ::testing::Test {
 protected:
  LegacyTest() {
    Write("user_latent_factors.npy", NpyFile(1, NpyDict("<f8", false, "(2, 2)"), Elements<double>({1, 2, 3, 4})));
    Write("item_latent_factors.npy",
          NpyFile(1, NpyDict("<f4", true, "(3, 2)"), Elements<float>({10, 30, 50, 20, 40, 60})));
    Write("customer_mapping.csv", "customer_id,index\nanna,1\nben,0\n");
    Write("item_mapping.json", R"({"0": "tea", "1": "milk", "2": "bread"})");
  }
  void Write(const std::string& name, const std::string& bytes) { WriteFile(dir_.File(name), bytes); }
  absl::StatusOr<LegacyImport> Read() { return ReadLegacyFolder(dir_.path(), {}); }
  std::string Error() { return std::string(Read().status().message()); }

  TempDir dir_;
};

TEST_F(LegacyTest, BecomesABundleThatAnswers) {
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  const std::string out = dir_.File("bundle.safetensors");
  const auto report = PackParts(import->parts, out);
  ASSERT_TRUE(report.ok()) << report.status();
  const auto model = Model::Load(out);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->users().Find("anna"), 1u);
  EXPECT_EQ((*model)->items().Find("bread"), 2u);
  EXPECT_THAT((*model)->default_space().users, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT((*model)->default_space().items, ElementsAre(10, 20, 30, 40, 50, 60));
}

TEST_F(LegacyTest, RecommendationsAreCheckedAndCounted) {
  Write("recommendations.csv", "customer_id,article_id,score\nanna,tea,1\nanna,milk,2\neve,tea,1\nben,cola,3\n");
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes, Contains(HasSubstr("4 rows for 3 users read and checked (1 of unknown users, 1 of "
                                                "unknown items); not packed")));
  Write("recommendations.csv", "who,what\nanna,tea\n");
  EXPECT_THAT(Error(), HasSubstr("expected one of customer_id, user_id"));
  Write("recommendations.csv", "user_id,item_id\nanna\n");
  EXPECT_THAT(Error(), HasSubstr("line 2"));
}

TEST_F(LegacyTest, SimilarityIsRecognisedAndChecked) {
  Write("item_similarity.npy", NpyFile(1, NpyDict("<f4", false, "(1, 1)"), Elements<float>({1})));
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes, Contains(HasSubstr("item_similarity.npy: recognised")));
  Write("item_similarity.npy", "garbage");
  EXPECT_THAT(Error(), HasSubstr("item_similarity.npy"));
}

TEST_F(LegacyTest, PicklesAreNotReadAndTheMessageSaysHowToConvert) {
  std::filesystem::remove(dir_.File("item_mapping.json"));
  Write("item_mapping.pkl", "\x80\x04.");
  EXPECT_THAT(Error(), HasSubstr(dir_.File("item_mapping.pkl")));
  EXPECT_THAT(Error(), HasSubstr("python3 -m kindred.legacy mapping"));
  EXPECT_THAT(Error(), HasSubstr("--out '" + dir_.File("item_mapping.json") + "'"));
  Write("item_mapping.json", R"(["tea", "milk", "bread"])");
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes, Contains(HasSubstr("item_mapping.pkl: a Python pickle, not read and not needed")));
}

TEST_F(LegacyTest, SaysWhatIsMissingOrDoesNotFit) {
  std::filesystem::rename(dir_.File("customer_mapping.csv"), dir_.File("aside"));
  EXPECT_THAT(Error(), HasSubstr("has no customer_mapping.csv or customer_mapping.json"));
  std::filesystem::rename(dir_.File("aside"), dir_.File("customer_mapping.csv"));
  Write("customer_mapping.json", "[]");
  EXPECT_THAT(Error(), HasSubstr("both exist"));
  std::filesystem::remove(dir_.File("customer_mapping.json"));
  Write("customer_mapping.csv", "customer_id,index\nanna,0\n");
  EXPECT_THAT(Error(), HasSubstr("has 1 entries, expected 2"));
  Write("item_latent_factors.npy", NpyFile(1, NpyDict("<f4", false, "(3, 1)"), Elements<float>({1, 2, 3})));
  EXPECT_THAT(Error(), HasSubstr("has 2 columns and item_latent_factors.npy 1"));
  std::filesystem::remove(dir_.File("item_latent_factors.npy"));
  EXPECT_THAT(Error(), HasSubstr("has no item_latent_factors.npy"));
  EXPECT_EQ(ReadLegacyFolder(dir_.File("absent"), {}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kindred
