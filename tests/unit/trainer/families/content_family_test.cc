#include "trainer/families/content_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/engine/recommender.h"
#include "core/packing/pack.h"
#include "tests/support/files.h"
#include "trainer/linalg/sparse_ops.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;

class ContentFamilyTest : public ::testing::Test {
 protected:
  ContentFamilyTest() {
    interactions_.item_ids = {"scarf", "shawl", "pan", "pot", "mystery", "hat"};
    items_.texts = {"red wool scarf", "blue wool shawl", "steel pan", "steel pot with lid", "", "red wool hat"};
    data_.events = &log_;
    data_.interactions = &interactions_;
    data_.items = &items_;
    family_.Describe(&parameters_);
  }
  TrainedSpace Train() {
    auto space = family_.Train(data_, "content", &silent_);
    EXPECT_TRUE(space.ok()) << space.status();
    return space.ok() ? *std::move(space) : TrainedSpace();
  }
  std::shared_ptr<const Model> Pack(const TrainedSpace& space) {
    BundleParts parts;
    AddIds({}, interactions_.item_ids, &parts);
    AddSpace("content", space.spec.dim, space.items, {}, &parts);
    AddMetadata("m", "1", "test", {{"content", space.spec}}, "content", "{}", &parts);
    const auto packed = PackParts(parts, dir_.File("b.safetensors"));
    EXPECT_TRUE(packed.ok()) << packed.status();
    auto model = Model::Load(dir_.File("b.safetensors"));
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *model : nullptr;
  }

  static SubjectView Inline(std::span<const EventView> events) {
    SubjectView subject;
    subject.inline_events = events;
    return subject;
  }
  static RecommendOptions First(uint32_t k) {
    RecommendOptions options;
    options.k = k;
    return options;
  }

  TempDir dir_;
  EventLog log_;
  Interactions interactions_;
  ItemTable items_;
  TrainingData data_;
  ContentFamily family_;
  ParameterList parameters_;
  Progress silent_{Progress::Mode::kSilent};
};

// With every dimension kept, similar items are those of the features themselves, the item left out.
TEST_F(ContentFamilyTest, SimilarItemsAreTheCosinesOfTheFeatures) {
  const auto model = Pack(Train());
  ASSERT_NE(model, nullptr);
  const ContentFeatures features = MakeContentFeatures(items_, 6, {});
  const SparseMatrix expected = CosineSimilarity(features.values, features.values, {.diagonal = false});
  for (const uint32_t item : {0, 1, 2, 5}) {
    EngineScratch scratch;
    RecommendResult result;
    ASSERT_TRUE(Recommender(*model).SimilarItems(interactions_.item_ids[item], "", 5, &scratch, &result).ok());
    std::vector<double> dense(6, 0.0);
    for (size_t i = 0; i < expected.RowIndices(item).size(); ++i) {
      dense[expected.RowIndices(item)[i]] = expected.RowValues(item)[i];
    }
    ASSERT_EQ(result.items.size(), 5u);
    for (const ScoredItem& similar : result.items) {
      EXPECT_NE(similar.item, item);
      EXPECT_NEAR(similar.score, dense[similar.item], 1e-5) << item << " " << similar.item;
    }
  }
}

// Requirement E3: ratings that sum to 1, times the rows of the items touched.
TEST_F(ContentFamilyTest, AUserIsTheWeightedMeanOfTheItemsTouched) {
  ASSERT_TRUE(parameters_.Set("transform", "identity").ok());
  const TrainedSpace space = Train();
  const auto model = Pack(space);
  ASSERT_NE(model, nullptr);
  const EventView history[] = {{.item_id = "scarf", .weight = 3}, {.item_id = "pan", .weight = 1}};
  EngineScratch scratch;
  ASSERT_EQ(Recommender(*model).Resolve(Inline(history), *model->FindSpace(""), &scratch, nullptr),
            AnswerSource::kInlineEvents);
  const uint32_t d = space.spec.dim;
  for (uint32_t j = 0; j < d; ++j) {
    EXPECT_NEAR(scratch.vector[j], 0.75 * space.items[0 * d + j] + 0.25 * space.items[2 * d + j], 1e-6);
  }
  RecommendResult result;
  ASSERT_TRUE(Recommender(*model).Recommend(Inline(history), First(6), &scratch, &result).ok());
  EXPECT_EQ(result.items[0].item, 5u) << "the other thing of red wool, which nobody touched";
}

TEST_F(ContentFamilyTest, ACatalogueWithoutFeaturesLoadsAndSaysSo) {
  items_ = {};
  const TrainedSpace space = Train();
  EXPECT_THAT(space.items, Each(0.0f));
  EXPECT_THAT(space.notes, Contains(HasSubstr("no item has a usable feature")));
  const auto model = Pack(space);
  ASSERT_NE(model, nullptr);
  const EventView history[] = {{.item_id = "scarf"}};
  EngineScratch scratch;
  RecommendResult result;
  ASSERT_TRUE(Recommender(*model).Recommend(Inline(history), First(3), &scratch, &result).ok());
  EXPECT_EQ(result.source, AnswerSource::kPopularity);
  EXPECT_EQ(result.items.size(), 3u);
}

TEST_F(ContentFamilyTest, OneFeatureAndOneItem) {
  items_ = {};
  items_.category_ids = {"c:x"};
  items_.categories = {{0}, {}, {0}, {}, {}, {}};
  const TrainedSpace one_feature = Train();
  EXPECT_EQ(one_feature.items, (std::vector<float>{1, 0, 1, 0, 0, 0}));
  interactions_.item_ids = {"scarf"};
  items_ = {};
  items_.texts = {"red scarf"};
  EXPECT_EQ(Train().items, (std::vector<float>{1}));
}

TEST_F(ContentFamilyTest, FewerDimensionsAreSaid) {
  EXPECT_THAT(Train().notes, Contains(HasSubstr("64 dimensions asked for")));
  ASSERT_TRUE(parameters_.Set("dims", "2").ok());
  const TrainedSpace two = Train();
  EXPECT_EQ(two.spec.dim, 2u);
  EXPECT_EQ(two.items.size(), 12u);
}

// The features as they are: what a user gets is Σ r_i row_i, divided by its length, against every row.
TEST_F(ContentFamilyTest, WithoutDimensionsTheFeaturesThemselvesRank) {
  ASSERT_TRUE(parameters_.Set("dims", "0").ok());
  ASSERT_TRUE(parameters_.Set("transform", "identity").ok());
  const TrainedSpace space = Train();
  EXPECT_EQ(space.spec.fold_in, FoldIn::kSparse);
  EXPECT_TRUE(space.items.empty());
  BundleParts parts;
  AddIds({}, interactions_.item_ids, &parts);
  for (const OwnedTensor& tensor : space.parts) {
    OwnedTensor copy{tensor.name, tensor.dtype, tensor.shape, AlignedBuffer<std::byte>(tensor.bytes.size())};
    std::copy(tensor.bytes.span().begin(), tensor.bytes.span().end(), copy.bytes.data());
    parts.tensors.push_back(std::move(copy));
  }
  AddMetadata("m", "1", "test", {{"content", space.spec}}, "content", "{}", &parts);
  const auto packed = PackParts(parts, dir_.File("b.safetensors"));
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto model = Model::Load(dir_.File("b.safetensors"));
  ASSERT_TRUE(model.ok()) << model.status();

  const ContentFeatures features = MakeContentFeatures(items_, 6, {});
  Eigen::MatrixXd rows = Eigen::MatrixXd::Zero(6, features.values.cols);
  for (uint32_t i = 0; i < 6; ++i) {
    for (size_t p = 0; p < features.values.RowIndices(i).size(); ++p) {
      rows(i, features.values.RowIndices(i)[p]) = features.values.RowValues(i)[p];
    }
  }
  Eigen::VectorXd query = 3 * rows.row(0) + rows.row(2);
  query /= query.norm();
  const EventView history[] = {{.item_id = "scarf", .weight = 3}, {.item_id = "pan", .weight = 1}};
  RecommendOptions options = First(6);
  options.include_seen = true;
  EngineScratch scratch;
  RecommendResult result;
  ASSERT_TRUE(Recommender(**model).Recommend(Inline(history), options, &scratch, &result).ok());
  ASSERT_EQ(result.items.size(), 6u);
  for (const ScoredItem& found : result.items) {
    EXPECT_NEAR(found.score, rows.row(found.item).dot(query), 1e-6) << found.item;
  }
  EXPECT_EQ(result.items[0].item, 0u);
}

TEST_F(ContentFamilyTest, StopWordsAreLeftOut) {
  items_.texts = {"the cat", "the dog", "The bird", "a", "", "with the"};
  ASSERT_TRUE(parameters_.Set("stop_words", "english,Cat").ok());
  const TrainedSpace space = Train();
  EXPECT_THAT(space.figures_json, HasSubstr("\"words\":2"));
  EXPECT_THAT(space.notes, Contains(HasSubstr("4 of 6 items have no feature")));
}

}  // namespace
}  // namespace kindred
