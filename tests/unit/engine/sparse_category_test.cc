// The category rung of spaces of sparse rows (category_rows.h) against dense loops: lists, their explanation, and where
// on the ladder it stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/engine/recommender.h"
#include "tests/unit/engine/space_zoo.h"
#include "tests/unit/solve/allocation_counter.h"

namespace kindred {
namespace {

using testing::Dot;
using testing::Mix;
using testing::SpaceZoo;
using testing::Unit;
using testing::Vector;

constexpr const char* kSpaces[] = {"words", "neighbors"};

class SparseCategoryTest : public ::testing::Test {
 protected:
  // p6 in c0, p7 in c1 and p28 in no category were never trained on; p4 in c1 has no words by the zoo's making.
  SparseCategoryTest() {
    zoo_.specs["neighbors"].prior_weight = 0.1;
    for (auto* rows : {&zoo_.words, &zoo_.similar}) {
      for (const uint32_t item : {6, 7, 28}) std::fill((*rows)[item].begin(), (*rows)[item].end(), 0.0);
    }
    model_ = zoo_.Load();
  }

  const testing::Matrix& Rows(const std::string& space) const { return space == "words" ? zoo_.words : zoo_.similar; }
  // Mean of the rows, of unit ones for words, which rank by cosine, of category c that are not zero.
  Vector CategoryMean(const std::string& space, uint32_t c) const {
    const auto& rows = Rows(space);
    Vector sum(rows[0].size(), 0.0);
    double count = 0;
    for (uint32_t i = c; i < 24; i += 3) {
      if (Dot(rows[i], rows[i]) == 0) continue;
      sum = Mix(1, sum, 1, space == "words" ? Unit(rows[i]) : rows[i]);
      ++count;
    }
    return Mix(1 / count, sum, 0, sum);
  }
  // Σ w·m / Σ w, of words at length one.
  Vector Query(const std::string& space, double c0, double c1) const {
    const Vector q = Mix(c0 / (c0 + c1), CategoryMean(space, 0), c1 / (c0 + c1), CategoryMean(space, 1));
    return space == "words" ? Unit(q) : q;
  }
  // What a query adds to an item's score.
  double Score(const std::string& space, const Vector& query, uint32_t item) const {
    return space == "words" ? Dot(query, Unit(zoo_.words[item])) : query[item];
  }
  double Prior(const std::string& space, uint32_t item) const {
    return zoo_.specs.find(space)->second.prior_weight * zoo_.prior[item];
  }

  RecommendResult Ask(const SubjectView& subject, const char* space) {
    RecommendOptions options;
    options.k = SpaceZoo::kItems;
    options.include_seen = true;
    options.explain = true;
    options.space = space;
    RecommendResult result;
    const absl::Status status = Recommender(*model_).Recommend(subject, options, &scratch_, &result);
    EXPECT_TRUE(status.ok()) << status;
    return result;
  }
  AnswerSource Source(const SubjectView& subject, const char* space) { return Ask(subject, space).source; }

  // The whole list, and that it is ranked.
  void ExpectList(const RecommendResult& result, const std::string& space, const Vector& query) {
    EXPECT_EQ(result.source, AnswerSource::kCategory) << space;
    ASSERT_EQ(result.items.size(), SpaceZoo::kItems);
    for (size_t i = 0; i < result.items.size(); ++i) {
      const uint32_t item = result.items[i].item;
      EXPECT_NEAR(result.items[i].score, Score(space, query, item) + Prior(space, item), 1e-6) << space << item;
      EXPECT_TRUE(i == 0 || RanksBefore(result.items[i - 1], result.items[i]));
    }
  }

  SpaceZoo zoo_;
  std::shared_ptr<const Model> model_;
  EngineScratch scratch_;
};

TEST_F(SparseCategoryTest, ItemsWithoutARowStandForTheirCategories) {
  const EventView events[] = {{"p6", 1}, {"p7", 2}, {"p28", 5}, {"p6", 3}, {"nobody", 1}};
  for (const char* space : kSpaces) {
    ExpectList(Ask({"stranger", events, {}}, space), space, Query(space, 4, 2));
    ExpectList(Ask({"", {}, events}, space), space, Query(space, 4, 2));
    // Steps of categories are blended in as others are.
    const EventView steps[] = {{"p6", 1}, {"p7", 2, "", 0, 1}};
    const Vector blended = Mix(0.7, Query(space, 1, 0), 0.3, Query(space, 0, 1));
    ExpectList(Ask({"", steps, {}}, space), space, blended);
  }
}

TEST_F(SparseCategoryTest, TermsAreOfTheItemsTouchedAndSoAreContributions) {
  const EventView events[] = {{"p6", 1}, {"p7", 2}, {"p28", 5}};
  for (const char* space : kSpaces) {
    // c_i · Σ of its categories: 1/3 and 2/3, of words over the length of the sum.
    const Vector c0 = CategoryMean(space, 0), c1 = CategoryMean(space, 1);
    const Vector sum = Mix(1.0 / 3, c0, 2.0 / 3, c1);
    const double scale = std::string_view(space) == "words" ? 1 / std::sqrt(Dot(sum, sum)) : 1;
    const RecommendResult result = Ask({"", {}, events}, space);
    ASSERT_EQ(result.items.size(), SpaceZoo::kItems);
    bool any = false;
    for (size_t i = 0; i < result.items.size(); ++i) {
      const uint32_t item = result.items[i].item;
      const std::map<uint32_t, double> expected = {{6, Score(space, c0, item) * scale / 3},
                                                   {7, Score(space, c1, item) * scale * 2 / 3}};
      double total = result.prior_terms[i];
      EXPECT_NEAR(total, Prior(space, item), 1e-6);
      std::map<uint32_t, double> terms, contributions;
      for (uint32_t t = result.history_begin[i]; t < result.history_begin[i + 1]; ++t) {
        terms[result.history_terms[t].trait] = result.history_terms[t].value;
        total += result.history_terms[t].value;
      }
      for (uint32_t c = result.contributions.begin[i]; c < result.contributions.begin[i + 1]; ++c) {
        contributions[result.contributions.contributions[c].item] = result.contributions.contributions[c].value;
      }
      EXPECT_NEAR(total, result.items[i].score, 1e-5 * std::max(1.0, std::abs(total)));
      EXPECT_EQ(terms, contributions);
      for (const auto& [h, value] : expected) {
        EXPECT_NEAR(terms.contains(h) ? terms[h] : 0, value, 1e-6) << space << " " << item;
        any = any || value > 0.01;
        terms.erase(h);
      }
      EXPECT_TRUE(terms.empty());
    }
    EXPECT_TRUE(any);
  }
}

TEST_F(SparseCategoryTest, IsBelowWhatSaysMoreAndAboveTheRest) {
  const EventView silent[] = {{"p6", 1}}, telling[] = {{"p1", 1}}, uncategorized[] = {{"p28", 1}};
  const EventView unknown[] = {{"nobody", 1}}, both[] = {{"p6", 1}, {"p1", 1}};
  for (const char* space : kSpaces) {
    EXPECT_EQ(Source({"stranger", silent, telling}, space), AnswerSource::kInlineEvents);
    EXPECT_EQ(Source({"u1", silent, {}}, space), AnswerSource::kTrainedVector);
    EXPECT_EQ(Source({"u1", unknown, silent}, space), AnswerSource::kTrainedVector);
    EXPECT_EQ(Source({"stranger", silent, uncategorized}, space), AnswerSource::kCategory);
    ExpectList(Ask({"stranger", uncategorized, silent}, space), space, Query(space, 1, 0));
    // A user who has seen nothing is known as a stranger is.
    ExpectList(Ask({"u5", silent, {}}, space), space, Query(space, 1, 0));
    EXPECT_EQ(Source({"stranger", uncategorized, {}}, space), AnswerSource::kPopularity);
    EXPECT_EQ(Source({"stranger", unknown, {}}, space), AnswerSource::kPopularity);
    EXPECT_EQ(Source({"stranger", {}, {}}, space), AnswerSource::kPopularity);
    EXPECT_EQ(Source({"", {}, both}, space), AnswerSource::kInlineEvents) << "one that speaks is enough";
    const EventView huge[] = {{"p6", 1e308}, {"p7", 1e308}, {"p6", 1e308}};
    EXPECT_EQ(Source({"", {}, huge}, space), AnswerSource::kPopularity);
  }
}

TEST_F(SparseCategoryTest, CategoriesWithoutARowDoNotCount) {
  for (uint32_t item = 0; item < 24; item += 3) {
    for (auto* rows : {&zoo_.words, &zoo_.similar}) std::fill((*rows)[item].begin(), (*rows)[item].end(), 0.0);
  }
  model_ = zoo_.Load();
  const EventView events[] = {{"p6", 1}, {"p7", 1}};
  for (const char* space : kSpaces) {
    EXPECT_EQ(Source({"", {}, std::span(events).first(1)}, space), AnswerSource::kPopularity);
    const Vector mean = CategoryMean(space, 1);
    ExpectList(Ask({"", {}, events}, space), space, std::string_view(space) == "words" ? Unit(mean) : mean);
  }
}

TEST_F(SparseCategoryTest, ABlendOfTheRequestSpeaksByThem) {
  const EventView events[] = {{"p6", 1}, {"p7", 2}};
  const BlendOption blend[] = {{"words", 1}, {"neighbors", 0.5}};
  RecommendOptions options;
  options.k = SpaceZoo::kItems;
  options.explain = options.include_seen = true;
  options.blend = blend;
  RecommendResult result;
  ASSERT_TRUE(Recommender(*model_).Recommend({"", {}, events}, options, &scratch_, &result).ok());
  EXPECT_EQ(result.source, AnswerSource::kCategory);
  const Vector words = Query("words", 1, 2), neighbors = Query("neighbors", 1, 2);
  for (size_t i = 0; i < result.items.size(); ++i) {
    const uint32_t item = result.items[i].item;
    const double expected = Score("words", words, item) + 0.5 * Score("neighbors", neighbors, item);
    EXPECT_NEAR(result.items[i].score, expected, 1e-6);
    double terms = 0, contributions = 0;
    for (uint32_t t = result.history_begin[2 * i]; t < result.history_begin[2 * i + 2]; ++t) {
      terms += result.history_terms[t].value;
    }
    for (uint32_t c = result.contributions.begin[i]; c < result.contributions.begin[i + 1]; ++c) {
      contributions += result.contributions.contributions[c].value;
    }
    EXPECT_NEAR(terms, expected, 1e-6);
    EXPECT_NEAR(contributions, expected, 1e-6);
  }
}

TEST_F(SparseCategoryTest, NothingIsAllocatedOnceWarm) {
  const EventView events[] = {{"p6", 1}, {"p7", 2, "", 0, 1}};
  RecommendOptions options;
  options.explain = true;
  RecommendResult result;
  for (int round = 0; round < 3; ++round) {
    for (const char* space : kSpaces) {
      options.space = space;
      for (const SubjectView& subject : {SubjectView{"", events, {}}, {"", {}, events}}) {
        const uint64_t before = testing::AllocationCount();
        ASSERT_TRUE(Recommender(*model_).Recommend(subject, options, &scratch_, &result).ok());
        const uint64_t made = testing::AllocationCount() - before;
        EXPECT_TRUE(round < 2 || made == 0) << space << ": " << made;
      }
    }
  }
}

}  // namespace
}  // namespace kindred
