#include "core/engine/recommender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "absl/strings/str_format.h"
#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::LoadModel;
using testing::ModelShape;

// The plain reference: score every item in f32 in the documented order, sort, cut.
float PlainDot(std::span<const float> a, const float* b) {
  float lanes[16] = {};
  for (size_t j = 0; j < a.size(); ++j) lanes[j % 16] += a[j] * b[j];
  for (int width = 8; width >= 1; width /= 2) {
    for (int lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

std::vector<ScoredItem> PlainTopK(const Model& model, std::span<const float> u, const std::set<uint32_t>& left_out,
                                  uint32_t k) {
  const Space& space = model.default_space();
  const auto beta = static_cast<float>(space.spec.prior_weight);
  std::vector<ScoredItem> all;
  for (uint32_t i = 0; i < model.n_items(); ++i) {
    if (left_out.contains(i)) continue;
    float score = PlainDot(u, &space.items[size_t{i} * space.spec.dim]);
    if (!space.recommend.multipliers.empty()) score *= space.recommend.multipliers[i];
    if (!space.recommend.prior.empty()) score += beta * space.recommend.prior[i];
    all.push_back({i, score});
  }
  std::stable_sort(all.begin(), all.end(), [](const ScoredItem& a, const ScoredItem& b) { return a.score > b.score; });
  all.resize(std::min<size_t>(all.size(), k));
  return all;
}

std::set<uint32_t> SeenBy(const Model& model, uint32_t user) {
  const auto seen = model.Seen(user);
  return {seen.begin(), seen.end()};
}

class RecommenderTest : public ::testing::Test {
 protected:
  RecommendResult Recommend(const Model& model, const SubjectView& subject, const RecommendOptions& options) {
    RecommendResult result;
    const absl::Status status = Recommender(model).Recommend(subject, options, &scratch_, &result);
    EXPECT_TRUE(status.ok()) << status;
    return result;
  }
  EngineScratch scratch_;
};

TEST_F(RecommenderTest, TrainedUserGetsThePlainScanWithoutSeenItems) {
  for (const float prior_weight : {0.0f, 0.7f}) {
    for (const Metric metric : {Metric::kDot, Metric::kCosine}) {
      ModelShape shape;
      shape.n_items = 531;
      shape.dim = 19;
      shape.spec.prior_weight = prior_weight;
      shape.spec.metric = metric;
      const auto model = LoadModel(shape);
      const Space& space = model->default_space();
      for (uint32_t user = 0; user < shape.n_users; ++user) {
        std::vector<float> u(space.users.begin() + user * shape.dim, space.users.begin() + (user + 1) * shape.dim);
        if (metric == Metric::kCosine) {
          double norm = 0;
          for (float x : u) norm += static_cast<double>(x) * x;
          for (float& x : u) x = static_cast<float>(x * (1 / std::sqrt(norm)));
        }
        RecommendOptions options;
        options.k = 25;
        const std::string id = absl::StrFormat("u%d", user);
        const auto result = Recommend(*model, {.user_id = id, .live_history = {}, .inline_events = {}}, options);
        EXPECT_EQ(result.source, AnswerSource::kTrainedVector);
        EXPECT_EQ(result.items, PlainTopK(*model, u, SeenBy(*model, user), 25)) << id;
        options.include_seen = true;
        EXPECT_EQ(Recommend(*model, {id, {}, {}}, options).items, PlainTopK(*model, u, {}, 25)) << id;
      }
    }
  }
}

TEST_F(RecommenderTest, TermsAndPriorAddUpToTheScore) {
  for (const Metric metric : {Metric::kDot, Metric::kCosine}) {
    ModelShape shape;
    shape.spec.prior_weight = 0.3;
    shape.spec.metric = metric;
    const auto model = LoadModel(shape);
    RecommendOptions options;
    options.explain = true;
    const auto result = Recommend(*model, {"u3", {}, {}}, options);
    ASSERT_EQ(result.items.size(), 10u);
    for (size_t i = 0; i < result.items.size(); ++i) {
      double sum = result.prior_terms[i];
      double magnitude = std::abs(result.prior_terms[i]);
      for (uint32_t j = 0; j < shape.dim; ++j) {
        sum += result.terms[i * shape.dim + j];
        magnitude += std::abs(result.terms[i * shape.dim + j]);
      }
      EXPECT_NEAR(sum, result.items[i].score, 1e-5 * magnitude);
    }
  }
}

TEST_F(RecommenderTest, ContributionsAreLeftOutWhereNobodyAsksForThem) {
  const auto model = LoadModel({});
  const EventView events[] = {{"i5", 1.0}, {"i9", 2.0}};
  RecommendOptions options;
  options.explain = true;
  const auto whole = Recommend(*model, {"", {}, events}, options);
  EXPECT_FALSE(whole.contributions.contributions.empty());
  options.contributions = false;
  const auto less = Recommend(*model, {"", {}, events}, options);
  EXPECT_TRUE(less.contributions.begin.empty());
  EXPECT_TRUE(less.contributions.contributions.empty());
  EXPECT_EQ(less.items, whole.items);
  EXPECT_EQ(less.terms, whole.terms);
  EXPECT_EQ(less.prior_terms, whole.prior_terms);
}

TEST_F(RecommenderTest, LadderNamesTheRungThatAnswered) {
  const auto model = LoadModel({});
  const EventView known[] = {{"i5", 1.0}, {"i9", 2.0}};
  const EventView unknown[] = {{"nobody-has-this", 1.0}};
  const RecommendOptions options;
  EXPECT_EQ(Recommend(*model, {"u1", {}, {}}, options).source, AnswerSource::kTrainedVector);
  EXPECT_EQ(Recommend(*model, {"u1", known, {}}, options).source, AnswerSource::kBlendedProfile);
  EXPECT_EQ(Recommend(*model, {"stranger", known, {}}, options).source, AnswerSource::kLiveProfile);
  EXPECT_EQ(Recommend(*model, {"", {}, known}, options).source, AnswerSource::kInlineEvents);
  EXPECT_EQ(Recommend(*model, {"stranger", {}, {}}, options).source, AnswerSource::kAverage);
  EXPECT_EQ(Recommend(*model, {"stranger", unknown, {}}, options).source, AnswerSource::kAverage);
  EXPECT_EQ(Recommend(*model, {"u1", unknown, {}}, options).source, AnswerSource::kTrainedVector);
  EXPECT_EQ(Recommend(*model, {"", {}, unknown}, options).source, AnswerSource::kAverage);

  ModelShape without_users;
  without_users.n_users = 0;
  EXPECT_EQ(Recommend(*LoadModel(without_users), {"stranger", {}, {}}, options).source, AnswerSource::kPopularity);
}

TEST_F(RecommenderTest, BlendIsSevenTenthsTrainedAndThreeTenthsFoldedIn) {
  const auto model = LoadModel({});
  const Space& space = model->default_space();
  const EventView events[] = {{"i5", 1.0}, {"i9", 2.0}};
  const Recommender recommender(*model);
  recommender.Resolve({"stranger", events, {}}, space, &scratch_, nullptr);
  const std::vector<float> live = scratch_.vector;
  recommender.Resolve({"u2", events, {}}, space, &scratch_, nullptr);
  for (uint32_t j = 0; j < space.spec.dim; ++j) {
    EXPECT_NEAR(scratch_.vector[j], 0.7f * space.users[2 * space.spec.dim + j] + 0.3f * live[j], 1e-6);
  }
}

TEST_F(RecommenderTest, ItemsOfTheHistoryAreSeen) {
  const auto model = LoadModel({});
  const EventView events[] = {{"i5", 1.0}, {"i9", 2.0}, {"i5", 1.0}};
  RecommendOptions options;
  options.k = model->n_items();
  for (const SubjectView& subject : {SubjectView{"stranger", events, {}}, SubjectView{"", {}, events}}) {
    const auto result = Recommend(*model, subject, options);
    EXPECT_EQ(result.items.size(), model->n_items() - 2);
    for (const ScoredItem& item : result.items) EXPECT_TRUE(item.item != 5 && item.item != 9);
  }
  options.include_seen = true;
  EXPECT_EQ(Recommend(*model, {"", {}, events}, options).items.size(), model->n_items());
}

TEST_F(RecommenderTest, ExcludedAndCandidateIdsAreObeyedAndUnknownOnesNamedOnce) {
  const auto model = LoadModel({});
  const std::string_view excluded[] = {"i1", "missing-b", "i2", "i1"};
  const std::string_view candidates[] = {"i1", "i2", "i3", "i3", "missing-a", "missing-b"};
  RecommendOptions options;
  options.exclude_item_ids = excluded;
  options.candidate_item_ids = candidates;
  options.include_seen = true;
  for (const char* user : {"u1", "stranger"}) {
    const auto result = Recommend(*model, {user, {}, {}}, options);
    ASSERT_EQ(result.items.size(), 1u);
    EXPECT_EQ(result.items[0].item, 3u);
    EXPECT_THAT(result.missing_ids, ElementsAre("missing-b", "missing-a"));
  }
  const std::string_view none_known[] = {"missing-a"};
  options.candidate_item_ids = none_known;
  EXPECT_THAT(Recommend(*model, {"u1", {}, {}}, options).items, IsEmpty());
}

TEST_F(RecommenderTest, PopularityRungFollowsTheSeenCounts) {
  // 20 users see classes u % 7: classes 0 to 5 three times each, class 6 twice.
  ModelShape shape;
  const auto with_users = LoadModel(shape);
  std::vector<float> counts(with_users->popularity().begin(), with_users->popularity().end());
  for (uint32_t i = 0; i < shape.n_items; ++i) EXPECT_EQ(counts[i], i % 7 == 6 ? 2 : 3) << i;

  shape.n_users = 0;
  const auto model = LoadModel(shape);
  RecommendOptions options;
  options.k = 4;
  const std::string_view excluded[] = {"i1"};
  options.exclude_item_ids = excluded;
  const auto result = Recommend(*model, {"stranger", {}, {}}, options);
  EXPECT_THAT(result.items, ElementsAre(ScoredItem{0, 0}, ScoredItem{2, 0}, ScoredItem{3, 0}, ScoredItem{4, 0}));
}

TEST_F(RecommenderTest, SimilarItemsAreTheNearestByCosineWithoutTheItemItself) {
  const auto model = LoadModel({});
  const Space& space = model->default_space();
  const uint32_t dim = space.spec.dim;
  const auto cosine = [&](uint32_t a, uint32_t b) {
    double dot = 0, aa = 0, bb = 0;
    for (uint32_t j = 0; j < dim; ++j) {
      const double x = space.items[a * dim + j], y = space.items[b * dim + j];
      dot += x * y;
      aa += x * x;
      bb += y * y;
    }
    return dot / std::sqrt(aa * bb);
  };
  RecommendResult result;
  for (uint32_t item : {0u, 7u, 199u}) {
    ASSERT_TRUE(Recommender(*model).SimilarItems(absl::StrFormat("i%d", item), "", 12, &scratch_, &result).ok());
    ASSERT_EQ(result.items.size(), 12u);
    std::vector<double> all;
    for (uint32_t other = 0; other < model->n_items(); ++other) {
      if (other != item) all.push_back(cosine(item, other));
    }
    std::sort(all.rbegin(), all.rend());
    for (size_t rank = 0; rank < 12; ++rank) {
      EXPECT_NE(result.items[rank].item, item);
      EXPECT_NEAR(result.items[rank].score, all[rank], 1e-6);
      EXPECT_NEAR(result.items[rank].score, cosine(item, result.items[rank].item), 1e-6);
    }
  }
  EXPECT_EQ(Recommender(*model).SimilarItems("nope", "", 3, &scratch_, &result).code(), absl::StatusCode::kNotFound);
}

TEST_F(RecommenderTest, UnknownSpaceIsNotFoundAndNamesThoseThatExist) {
  const auto model = LoadModel({});
  RecommendOptions options;
  options.space = "nope";
  RecommendResult result;
  const absl::Status status = Recommender(*model).Recommend({"u1", {}, {}}, options, &scratch_, &result);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("it has: test"));
}

TEST_F(RecommenderTest, KOfZeroAndKBeyondTheCatalogue) {
  const auto model = LoadModel({});
  RecommendOptions options;
  options.include_seen = true;
  options.k = 0;
  EXPECT_THAT(Recommend(*model, {"u1", {}, {}}, options).items, IsEmpty());
  options.k = 1u << 31;
  EXPECT_EQ(Recommend(*model, {"u1", {}, {}}, options).items.size(), model->n_items());
}

// Fold-in runs over all items, those not touched counting as 0: a user folded in from the row that made the trained
// vector gets it back.
TEST_F(RecommenderTest, NnlsFoldInOfAFullRowRecoversANonNegativeVector) {
  ModelShape shape;
  shape.non_negative = true;
  shape.spec.fold_in = FoldIn::kNnls;
  const auto model = LoadModel(shape);
  const Space& space = model->default_space();
  std::vector<EventView> row;
  std::vector<std::string> ids(model->n_items());
  for (uint32_t i = 0; i < model->n_items(); ++i) {
    ids[i] = absl::StrFormat("i%d", i);
    double value = 0;
    for (uint32_t j = 0; j < shape.dim; ++j) {
      value += static_cast<double>(space.users[j]) * space.items[size_t{i} * shape.dim + j];
    }
    row.push_back({ids[i], value});
  }
  EXPECT_EQ(Recommender(*model).Resolve({"", {}, row}, space, &scratch_, nullptr), AnswerSource::kInlineEvents);
  for (uint32_t j = 0; j < shape.dim; ++j) EXPECT_NEAR(scratch_.vector[j], space.users[j], 1e-5);
}

}  // namespace
}  // namespace kindred
