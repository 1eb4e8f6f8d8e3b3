#include "trainer/families/item_cosine_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/recommender.h"
#include "tests/support/files.h"
#include "tests/unit/trainer/linalg/random_matrix.h"
#include "trainer/families/train.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ItemCosineFamilyTest : public ::testing::Test {
 protected:
  ItemCosineFamilyTest() {
    family_->Describe(&parameters_);
    recipe_.spaces.emplace_back();
    recipe_.spaces[0].name = "item_cosine";
    recipe_.spaces[0].family = family_;
    recipe_.threads = 1;
  }
  void Add(int user, int item, float value, std::string_view action = "buy") {
    const auto number = [](auto* ids, std::string id) {
      const auto found = std::find(ids->begin(), ids->end(), id);
      if (found != ids->end()) return static_cast<uint32_t>(found - ids->begin());
      ids->push_back(std::move(id));
      return static_cast<uint32_t>(ids->size() - 1);
    };
    log_.user.push_back(number(&log_.user_ids, StrCat("u", user)));
    log_.item.push_back(number(&log_.item_ids, StrCat("i", item)));
    log_.action.push_back(static_cast<uint16_t>(number(&log_.action_ids, std::string(action))));
    log_.value.push_back(value);
  }
  void AddRandom() {
    std::mt19937 generator(3);
    for (int row = 0; row < 400; ++row) {
      const int user = static_cast<int>(generator() % 30), item = static_cast<int>(generator() % 25);
      Add(user, item, 1.0f + static_cast<float>(generator() % 4), generator() % 3 == 0 ? "view" : "buy");
    }
  }
  TrainedBundle Train() {
    auto bundle = TrainBundle(log_, {}, recipe_, "{}", &silent_);
    EXPECT_TRUE(bundle.ok()) << bundle.status();
    return bundle.ok() ? *std::move(bundle) : TrainedBundle();
  }
  static SparseMatrix Rows(const TensorMap& tensors, uint32_t n_items) {
    SparseMatrix rows;
    rows.rows = rows.cols = n_items;
    const auto offsets = TensorOrEmpty<int64_t>(tensors, "space.item_cosine.rows.offsets");
    const auto values = TensorOrEmpty<uint32_t>(tensors, "space.item_cosine.rows.values");
    const auto weights = TensorOrEmpty<float>(tensors, "space.item_cosine.rows.weights");
    rows.offsets.assign(offsets.begin(), offsets.end());
    rows.indices.assign(values.begin(), values.end());
    rows.values.assign(weights.begin(), weights.end());
    return rows;
  }
  // S of the definition, all neighbours: log1p of the summed values, cosine with shrinkage.
  Eigen::MatrixXd Similarities(const SparseMatrix& values, double shrinkage) {
    const Eigen::MatrixXd r = Dense(values).array().log1p();
    Eigen::MatrixXd s = r.transpose() * r;
    for (int64_t i = 0; i < s.rows(); ++i) {
      for (int64_t j = 0; j < s.cols(); ++j) {
        const double norms = r.col(i).norm() * r.col(j).norm() + shrinkage;
        s(i, j) = i == j || norms == 0 ? 0 : s(i, j) / norms;
      }
    }
    return s;
  }

  std::shared_ptr<Family> family_ = std::make_shared<ItemCosineFamily>();
  ParameterList parameters_;
  EventLog log_;
  Recipe recipe_;
  Progress silent_{Progress::Mode::kSilent};
};

TEST_F(ItemCosineFamilyTest, RowsAreTheSimilaritiesOfTheTransformedValues) {
  AddRandom();
  ASSERT_TRUE(parameters_.Set("shrinkage", "1.5").ok());
  const TrainedBundle bundle = Train();
  const TensorMap tensors = bundle.parts.Map();
  const Eigen::MatrixXd found = Dense(Rows(tensors, static_cast<uint32_t>(log_.item_ids.size())));
  const Eigen::MatrixXd expected = Similarities(AggregateEvents(log_, {}).values, 1.5);
  ASSERT_EQ(found.rows(), expected.rows());
  EXPECT_LT((found - expected).cwiseAbs().maxCoeff(), 1e-6);
  EXPECT_GT(expected.maxCoeff(), 0.1);
  const auto specs = SpaceSpecsFromJson(bundle.parts.metadata.at(std::string(names::kSpaces)));
  ASSERT_TRUE(specs.ok()) << specs.status();
  const SpaceSpec& spec = specs->at("item_cosine");
  EXPECT_EQ(spec.fold_in, FoldIn::kNeighbors);
  EXPECT_EQ(spec.dim, log_.item_ids.size());
  EXPECT_EQ(spec.transform, ValueTransform::kLog1p);
}

TEST_F(ItemCosineFamilyTest, SimilaritiesByUsersAskNeitherAmountNorAge) {
  AddRandom();
  ASSERT_TRUE(parameters_.Set("similarity", "users").ok());
  recipe_.spaces[0].weights.actions = {{"view", 0.01}, {"buy", 3}};
  const TrainedBundle bundle = Train();
  const TensorMap tensors = bundle.parts.Map();
  const Eigen::MatrixXd found = Dense(Rows(tensors, static_cast<uint32_t>(log_.item_ids.size())));
  // log1p(e − 1) = 1: the similarities of a matrix of ones.
  SparseMatrix ones = AggregateEvents(log_, {}).values;
  std::fill(ones.values.begin(), ones.values.end(), std::expm1(1.0));
  const Eigen::MatrixXd expected = Similarities(ones, 0);
  ASSERT_EQ(found.rows(), expected.rows());
  EXPECT_LT((found - expected).cwiseAbs().maxCoeff(), 1e-6);
  EXPECT_GT((Similarities(AggregateEvents(log_, {}).values, 0) - expected).cwiseAbs().maxCoeff(), 0.05);
  // What a user has still counts by how much it is.
  const auto specs = SpaceSpecsFromJson(bundle.parts.metadata.at(std::string(names::kSpaces)));
  ASSERT_TRUE(specs.ok()) << specs.status();
  EXPECT_EQ(specs->at("item_cosine").transform, ValueTransform::kLog1p);
}

TEST_F(ItemCosineFamilyTest, KeepsTheBestNeighboursOfEachItem) {
  AddRandom();
  const Eigen::MatrixXd all = Similarities(AggregateEvents(log_, {}).values, 0);
  ASSERT_TRUE(parameters_.Set("neighbors", "5").ok());
  const TrainedBundle bundle = Train();
  const SparseMatrix rows = Rows(bundle.parts.Map(), static_cast<uint32_t>(log_.item_ids.size()));
  for (uint32_t item = 0; item < rows.rows; ++item) {
    const auto kept = rows.RowValues(item);
    ASSERT_EQ(kept.size(), 5u) << item;
    std::vector<double> sorted;
    for (int64_t j = 0; j < all.cols(); ++j) sorted.push_back(all(item, j));
    std::sort(sorted.rbegin(), sorted.rend());
    EXPECT_NEAR(*std::min_element(kept.begin(), kept.end()), sorted[4], 1e-6) << item;
  }
}

TEST_F(ItemCosineFamilyTest, SeenItemsHaveTheWeightsThatTrained) {
  AddRandom();
  recipe_.spaces[0].weights.actions = {{"view", 0}, {"buy", 2}};
  const TrainedBundle bundle = Train();
  const TensorMap tensors = bundle.parts.Map();
  const SparseMatrix seen = AggregateEvents(log_, {}).values;
  const Eigen::MatrixXd weighted =
      Dense(AggregateEvents(log_, {.action_weights = recipe_.spaces[0].weights.actions}).values);
  const auto weights = TensorOrEmpty<float>(tensors, names::Weights(names::kSeen));
  ASSERT_EQ(weights.size(), seen.indices.size());
  int zeros = 0;
  for (uint32_t user = 0; user < seen.rows; ++user) {
    for (int64_t p = seen.offsets[user]; p < seen.offsets[user + 1]; ++p) {
      EXPECT_EQ(weights[p], static_cast<float>(weighted(user, seen.indices[p])));
      zeros += weights[p] == 0 ? 1 : 0;
    }
  }
  EXPECT_GT(zeros, 0) << "items that were only viewed are seen, and worth nothing";
}

TEST_F(ItemCosineFamilyTest, ASecondSpaceOfOtherWeightsIsSaid) {
  AddRandom();
  SpaceRecipe other;
  other.name = "other";
  other.family = std::make_shared<ItemCosineFamily>();
  other.weights.actions = {{"view", 0}};
  recipe_.spaces.push_back(other);
  EXPECT_THAT(Train().report.notes, ElementsAre(HasSubstr("weights and the half-life of space 'item_cosine'")));
}

TEST_F(ItemCosineFamilyTest, SpacesWithUsersNeedNoWeights) {
  AddRandom();
  recipe_.spaces[0].family = *MakeFamily("nmf");
  const TrainedBundle bundle = Train();
  EXPECT_EQ(FindTensor(bundle.parts.Map(), names::Weights(names::kSeen)), nullptr);
}

TEST_F(ItemCosineFamilyTest, TheEngineRanksByTheSumOverTheHistory) {
  AddRandom();
  recipe_.spaces[0].prior_weight = 0;
  const TempDir dir;
  const auto packed = PackParts(Train().parts, dir.File("b.safetensors"));
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto model = Model::Load(dir.File("b.safetensors"));
  ASSERT_TRUE(model.ok()) << model.status();
  const SparseMatrix values = AggregateEvents(log_, {}).values;
  const Eigen::MatrixXd r = Dense(values).array().log1p();
  const Eigen::MatrixXd scores = r * Similarities(values, 0);
  RecommendOptions options;
  options.k = 10;
  EngineScratch scratch;
  for (uint32_t user = 0; user < values.rows; ++user) {
    std::vector<EventView> events;
    for (int64_t p = values.offsets[user]; p < values.offsets[user + 1]; ++p) {
      EventView event;
      event.item_id = log_.item_ids[values.indices[p]];
      event.weight = values.values[p];
      events.push_back(event);
    }
    SubjectView trained, anonymous;
    trained.user_id = log_.user_ids[user];
    anonymous.inline_events = events;
    for (const SubjectView& subject : {trained, anonymous}) {
      RecommendResult result;
      ASSERT_TRUE(Recommender(**model).Recommend(subject, options, &scratch, &result).ok());
      EXPECT_EQ(result.source, subject.user_id.empty() ? AnswerSource::kInlineEvents : AnswerSource::kTrainedVector);
      ASSERT_FALSE(result.items.empty());
      double before = 1e9;
      for (const auto& item : result.items) {
        EXPECT_NEAR(item.score, scores(user, item.item), 1e-4) << "user " << user << ", item " << item.item;
        EXPECT_LE(item.score, before);
        before = item.score;
        if (!subject.user_id.empty()) {
          EXPECT_EQ(r(user, item.item), 0) << "seen";
        }
      }
    }
  }
}

TEST_F(ItemCosineFamilyTest, OneUserOfOneItemIsAnsweredByPopularity) {
  Add(0, 0, 1);
  const TrainedBundle bundle = Train();
  EXPECT_THAT(bundle.report.notes, ElementsAre(HasSubstr("no two items have a user in common")));
  const TempDir dir;
  const auto packed = PackParts(bundle.parts, dir.File("b.safetensors"));
  ASSERT_TRUE(packed.ok()) << packed.status();
  const auto model = Model::Load(dir.File("b.safetensors"));
  ASSERT_TRUE(model.ok()) << model.status();
  SubjectView subject;
  subject.user_id = "u0";
  RecommendOptions options;
  options.k = 3;
  options.include_seen = true;
  EngineScratch scratch;
  RecommendResult result;
  ASSERT_TRUE(Recommender(**model).Recommend(subject, options, &scratch, &result).ok());
  EXPECT_EQ(result.source, AnswerSource::kPopularity);
  EXPECT_EQ(result.items.size(), 1u);
}

}  // namespace
}  // namespace kindred
