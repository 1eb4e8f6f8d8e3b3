#include "core/packing/legacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/engine/model.h"
#include "core/packing/legacy_articles.h"
#include "core/packing/legacy_lists.h"
#include "core/packing/pack.h"
#include "tests/support/files.h"
#include "tests/unit/packing/npy_bytes.h"
#include "tests/unit/packing/pickle_bytes.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::AllOf;
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

TEST_F(LegacyTest, RecommendationsBecomeLists) {
  Write("recommendations.csv",
        "customer_id,article_id,score,rank\nanna,tea,1,9\neve,bread,-1,1\nanna,milk,2,1\nanna,cola,7,1\nzoe,cola,1,1\n"
        "anna,bread,1,3\neve,tea,0.5,2\nanna,milk,0.25,4\n");
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes,
              Contains("recommendations.csv: 8 rows are lists for 2 users, by score (1 users without factors, who get "
                       "their list; left out: 2 rows of unknown items, 1 of items listed already)"));
  EXPECT_EQ(import->users, 2u);
  const std::string out = dir_.File("bundle.safetensors");
  ASSERT_TRUE(PackParts(import->parts, out).ok());
  const auto model = Model::Load(out);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto user = [&](const char* id) { return (*model)->users().Find(id).value(); };
  const RankedItems anna = (*model)->Recommendations(user("anna")), eve = (*model)->Recommendations(user("eve"));
  EXPECT_THAT(anna.items, ElementsAre(1, 2, 0)) << "equal scores by rank";
  EXPECT_THAT(anna.scores, ElementsAre(2, 1, 1));
  EXPECT_THAT(eve.items, ElementsAre(0, 2));
  EXPECT_THAT(eve.scores, ElementsAre(0.5f, -1));
  EXPECT_TRUE((*model)->Recommendations(user("ben")).empty());
  EXPECT_EQ((*model)->users().Find("zoe"), std::nullopt) << "no list is left of hers";
  // Those without factors leave the others and their average as they were.
  EXPECT_THAT((*model)->default_space().users, ElementsAre(1, 2, 3, 4, 0, 0));
  EXPECT_THAT((*model)->default_space().average, ElementsAre(2, 3));
  EXPECT_EQ((*model)->info().n_recommendations, 5u);
}

TEST_F(LegacyTest, RecommendationsGoByRankOrByTheOrderOfTheFile) {
  Write("recommendations.csv", "rank,item,user\n3,tea,ben\n1,bread,ben\n2,milk,anna\n2,milk,ben\n");
  auto lists = ReadLegacyLists(dir_.File("recommendations.csv"), {"ben", "anna"}, {"tea", "milk", "bread"});
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_THAT(lists->offsets, ElementsAre(0, 3, 4));
  EXPECT_THAT(lists->items, ElementsAre(2, 1, 0, 1));
  EXPECT_THAT(lists->scores, ElementsAre(1, 0.5f, 1.0f / 3, 1));
  EXPECT_THAT(lists->note, HasSubstr("by rank"));
  Write("recommendations.csv", "product_id,user_id\ntea,ben\nbread,ben\ntea,ben\nmilk,ben\n");
  lists = ReadLegacyLists(dir_.File("recommendations.csv"), {"ben", "anna"}, {"tea", "milk", "bread"});
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_THAT(lists->offsets, ElementsAre(0, 3, 3));
  EXPECT_THAT(lists->items, ElementsAre(0, 2, 1));
  EXPECT_THAT(lists->scores, ElementsAre(1, 0.5f, 1.0f / 3)) << "places without what is repeated";
  EXPECT_THAT(lists->note, HasSubstr("by the order of the file"));
  EXPECT_TRUE(lists->new_users.empty());
  Write("recommendations.csv", "product_id,user_id\n");
  lists = ReadLegacyLists(dir_.File("recommendations.csv"), {"ben"}, {"tea"});
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_THAT(lists->offsets, ElementsAre(0, 0));
}

TEST_F(LegacyTest, WhatIsWrongWithRecommendationsIsNamed) {
  Write("recommendations.csv", "who,what\nanna,tea\n");
  EXPECT_THAT(Error(), HasSubstr("expected one of customer_id, user_id"));
  Write("recommendations.csv", "user_id,item_id\nanna\n");
  EXPECT_THAT(Error(), HasSubstr("line 2"));
  for (const char* score : {"", "much", "nan", "inf", "1e39", "1e400"}) {
    Write("recommendations.csv", std::string("user_id,item_id,score\nanna,tea,1\nanna,milk,") + score + "\n");
    EXPECT_THAT(Error(), HasSubstr("line 3, column 'score': found '" + std::string(score))) << score;
  }
  Write("recommendations.csv", "user_id,item_id,rank\nanna,tea,first\n");
  EXPECT_THAT(Error(), HasSubstr("line 2, column 'rank'"));
  Write("recommendations.csv", "user_id,item_id\n,tea\n");
  EXPECT_THAT(Error(), HasSubstr("line 2, column 'user_id': '' is no id"));
  Write("recommendations.csv", "user_id,item_id\n" + std::string(1025, 'x') + ",tea\n");
  EXPECT_THAT(Error(), HasSubstr("is 1025 bytes long"));
  Write("recommendations.csv", "user_id,item_id\n\xff,tea\n");
  EXPECT_THAT(Error(), HasSubstr("UTF-8"));
}

TEST_F(LegacyTest, SimilarityIsRecognisedAndChecked) {
  Write("item_similarity.npy", NpyFile(1, NpyDict("<f4", false, "(1, 1)"), Elements<float>({1})));
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes, Contains(HasSubstr("item_similarity.npy: recognised")));
  Write("item_similarity.npy", "garbage");
  EXPECT_THAT(Error(), HasSubstr("item_similarity.npy"));
}

TEST_F(LegacyTest, MappingsMayBePickles) {
  std::filesystem::remove(dir_.File("customer_mapping.csv"));
  Write("customer_mapping.pkl", PickledMappings()[4]);
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes, Contains("customer_mapping.pkl: the ids of the rows"));
  ASSERT_TRUE(PackParts(import->parts, dir_.File("bundle.safetensors")).ok());
  const auto model = Model::Load(dir_.File("bundle.safetensors"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->users().Find("anna"), 1u);
  EXPECT_EQ((*model)->users().Find("bén"), 0u);
}

TEST_F(LegacyTest, APickleBesideItsConversionIsLeftAlone) {
  Write("item_mapping.pkl", "cos\nsystem\n.");
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes, Contains(HasSubstr("item_mapping.pkl: a Python pickle, not read and not needed")));
  std::filesystem::remove(dir_.File("item_mapping.json"));
  EXPECT_THAT(Error(), HasSubstr("found the name 'os.system'; it was not executed"));
  std::filesystem::rename(dir_.File("item_mapping.pkl"), dir_.File("item_mapping.joblib"));
  EXPECT_THAT(Error(), HasSubstr("python3 -m kindred.legacy mapping"));
  EXPECT_THAT(Error(), HasSubstr("--out '" + dir_.File("item_mapping.json") + "'"));
}

TEST_F(LegacyTest, ArticlesBecomeAContentSpace) {
  Write("article_text_embeddings.npy",
        NpyFile(1, NpyDict("<f4", false, "(3, 3)"), Elements<float>({1, 2, 3, 4, 5, 6, 7, 8, 9})));
  auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes,
              Contains(HasSubstr("article_text_embeddings.npy: left out, there is no article_id_to_idx")));
  Write("article_id_to_idx.json", R"({"bread": 0, "cola": 1, "tea": 2})");
  import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes,
              Contains(HasSubstr("the space content, ids by article_id_to_idx.json (1 articles are no")));
  ASSERT_TRUE(PackParts(import->parts, dir_.File("bundle.safetensors")).ok());
  const auto model = Model::Load(dir_.File("bundle.safetensors"));
  ASSERT_TRUE(model.ok()) << model.status();
  const SpaceSpec& spec = (*model)->info().spaces.at("content");
  EXPECT_EQ(spec.fold_in, FoldIn::kMean);
  EXPECT_EQ(spec.metric, Metric::kCosine);
  const Space* content = (*model)->FindSpace("content");
  ASSERT_NE(content, nullptr);
  EXPECT_THAT(content->items, ElementsAre(7, 8, 9, 0, 0, 0, 1, 2, 3));
  EXPECT_EQ((*model)->info().default_space, "collaborative");
  Write("article_id_to_idx.json", R"(["x", "y", "z"])");
  EXPECT_THAT(Error(), HasSubstr("none of its 3 ids is an item"));
  Write("article_id_to_idx.json", R"(["x", "y"])");
  EXPECT_THAT(Error(), HasSubstr("article_id_to_idx.json"));
}

TEST_F(LegacyTest, WhatABundleHasNoNeedOfIsRecognised) {
  for (const char* name : {"article_similarity_matrix.npy", "tfidf_vectorizer.pkl", "price_scaler.pkl"}) {
    Write(name, "not looked at");
  }
  const auto import = Read();
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_THAT(import->notes, Contains(HasSubstr("article_similarity_matrix.npy: recognised and left out")));
  EXPECT_THAT(import->notes, Contains(HasSubstr("tfidf_vectorizer.pkl: recognised, not read and not needed")));
  EXPECT_THAT(import->notes, Contains(HasSubstr("price_scaler.pkl: recognised, not read and not needed")));
}

TEST_F(LegacyTest, SaysWhatIsMissingOrDoesNotFit) {
  std::filesystem::rename(dir_.File("customer_mapping.csv"), dir_.File("aside"));
  EXPECT_THAT(Error(), HasSubstr("has no customer_mapping.pkl, customer_mapping.csv or customer_mapping.json"));
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

TEST_F(LegacyTest, SmallFilesAskForNoLargeMatrix) {
  // 70,000 items and one article of 70,000 dimensions: 5 billion numbers of 280 KB.
  std::vector<std::string> items;
  for (int i = 0; i < 70'000; ++i) items.push_back("i" + std::to_string(i));
  Write("wide.npy", NpyFile(1, NpyDict("<f4", false, "(1, 70000)"), std::string(280'000, '\0')));
  Write("wide.csv", "id,index\ni0,0\n");
  const auto articles = ReadLegacyArticles(dir_.File("wide.npy"), dir_.File("wide.csv"), items);
  EXPECT_EQ(articles.status().code(), absl::StatusCode::kInvalidArgument) << articles.status();
  EXPECT_THAT(std::string(articles.status().message()),
              AllOf(HasSubstr("wide.npy: has 70000 columns"), HasSubstr("70000 items")));
}

TEST_F(LegacyTest, ListsAreBoundedByUsersAndItems) {
  std::string csv = "item,user\n";
  for (int i = 0; i < 5; ++i) csv += "tea,ben\n";
  Write("recommendations.csv", csv);
  auto lists = ReadLegacyLists(dir_.File("recommendations.csv"), {"ben", "anna"}, {"tea", "milk"});
  EXPECT_THAT(std::string(lists.status().message()),
              AllOf(HasSubstr("line 6"), HasSubstr("more than the lists of 2 users and 2 items can hold")));
  Write("recommendations.csv", "item,user\ntea,eve\ntea,mia\ntea,zoe\n");
  EXPECT_TRUE(ReadLegacyLists(dir_.File("recommendations.csv"), {"ben"}, {"tea"}, 3).ok());
  lists = ReadLegacyLists(dir_.File("recommendations.csv"), {"ben"}, {"tea"}, 2);
  EXPECT_THAT(std::string(lists.status().message()), AllOf(HasSubstr("line 4"), HasSubstr("2 users without factors")));
}

TEST_F(LegacyTest, IsGivenUpAtAnyQuestion) {
  Write("recommendations.csv", "item,user\ntea,ben\n");
  int questions = 0;
  ASSERT_TRUE(ReadLegacyFolder(dir_.path(), {.source = "", .go_on = [&] { return ++questions > 0; }}).ok());
  EXPECT_GE(questions, 5);  // two matrices, two mappings, the lists
  for (int last = 1; last <= questions; ++last) {
    int asked = 0;
    const auto import = ReadLegacyFolder(dir_.path(), {.source = "", .go_on = [&] { return ++asked < last; }});
    EXPECT_EQ(import.status().code(), absl::StatusCode::kCancelled) << import.status();
    EXPECT_EQ(asked, last);
  }
}

}  // namespace
}  // namespace kindred
