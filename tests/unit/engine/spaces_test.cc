// Every fold-in, blend and sparse space through Recommender, against dense loops in double (space_zoo.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/engine/derive.h"
#include "core/engine/golden.h"
#include "core/engine/recommender.h"
#include "tests/unit/engine/space_zoo.h"
#include "tests/unit/solve/allocation_counter.h"

namespace kindred {
namespace {

using testing::Mix;
using testing::SpaceZoo;
using testing::Unit;
using testing::Vector;
using ZooEvents = std::vector<SpaceZoo::Event>;

constexpr const char* kMatrixSpaces[] = {"implicit", "observed", "ridge", "vectors", "tokens", "traits"};
constexpr const char* kSparseSpaces[] = {"words", "neighbors"};

class SpacesTest : public ::testing::Test {
 protected:
  static std::vector<EventView> Views(const ZooEvents& events) {
    std::vector<EventView> views;
    for (const auto& event : events) {
      views.push_back(
          {event.item, event.weight, event.action, static_cast<int64_t>(std::llround(event.days * 86'400'000))});
    }
    return views;
  }

  RecommendResult Recommend(const SubjectView& subject, const char* space, bool include_seen = true) {
    RecommendOptions options;
    options.space = space;
    options.include_seen = include_seen;
    options.explain = true;
    RecommendResult result;
    const absl::Status status = Recommender(*model_).Recommend(subject, options, &scratch_, &result);
    EXPECT_TRUE(status.ok()) << status;
    return result;
  }

  // The list is the best ten of `scores`: each item's score, in order, and nothing better left out.
  static void ExpectBest(const RecommendResult& result, const Vector& scores, const std::string& what,
                         const std::vector<uint32_t>& excluded = {}) {
    ASSERT_EQ(result.items.size(), std::min<size_t>(10, scores.size() - excluded.size())) << what;
    double worst = 1e300;
    std::vector<bool> listed(scores.size());
    for (size_t rank = 0; rank < result.items.size(); ++rank) {
      const ScoredItem& item = result.items[rank];
      const double tolerance = 2e-5 * std::max(1.0, std::abs(scores[item.item]));
      ASSERT_NEAR(item.score, scores[item.item], tolerance) << what << ", rank " << rank;
      ASSERT_LE(item.score, worst) << what << ", rank " << rank;
      worst = item.score;
      listed[item.item] = true;
    }
    for (uint32_t item : excluded) {
      ASSERT_FALSE(listed[item]) << what << ": excluded item " << item;
      listed[item] = true;
    }
    for (size_t i = 0; i < scores.size(); ++i) {
      if (listed[i]) continue;
      ASSERT_LE(scores[i], worst + 2e-5 * std::max(1.0, std::abs(worst))) << what << ", item " << i;
    }
  }

  SpaceZoo zoo_;
  std::shared_ptr<const Model> model_ = zoo_.Load();
  EngineScratch scratch_;
};

const ZooEvents kHistories[] = {
    {{"p1", "view"}, {"p2", "buy"}, {"p5", "view"}},
    {{"p1", "view", 3}, {"p1", "buy", 2}, {"p1", "view"}, {"p9", "buy", 0.5}},
    {{"p7", "buy", 1, 100}, {"p3", "view", 2, 80}, {"p3", "view", 1, 95}, {"p21", "view"}},
    {{"p29", "view"}, {"nobody", "buy"}, {"p27", "buy"}, {"p6"}},
    {{"p0", "view"}, {"p1", "view"}, {"p2", "view"}, {"p3", "view"}, {"p5", "view"}, {"p6", "buy"}, {"p7", "buy"}},
};

TEST_F(SpacesTest, InlineEventsAreFoldedInAsTheFormulaSays) {
  for (const ZooEvents& history : kHistories) {
    const auto events = Views(history);
    for (const char* space : kMatrixSpaces) {
      const RecommendResult result = Recommend({"", {}, events}, space);
      EXPECT_EQ(result.source, AnswerSource::kInlineEvents) << space;
      ExpectBest(result, zoo_.Scores(space, zoo_.Fold(space, history)), space);
    }
    for (const char* space : kSparseSpaces) {
      const RecommendResult result = Recommend({"", {}, events}, space);
      EXPECT_EQ(result.source, AnswerSource::kInlineEvents) << space;
      ExpectBest(result, zoo_.Scores(space, zoo_.Coefficients(space, history)), space);
    }
  }
}

TEST_F(SpacesTest, TrainedUsersHaveTheirRowOrWhatTheyHaveSeen) {
  for (uint32_t user = 0; user < SpaceZoo::kUsers; ++user) {
    const std::string id = "u" + std::to_string(user);
    for (const char* space : kMatrixSpaces) {
      const RecommendResult result = Recommend({id, {}, {}}, space);
      const Vector u = zoo_.Trained(space, user);
      // The last user has seen nothing: without a row of users there is only popularity.
      EXPECT_EQ(result.source, u.empty() ? AnswerSource::kPopularity : AnswerSource::kTrainedVector) << space;
      if (!u.empty()) ExpectBest(result, zoo_.Scores(space, u), space + id);
      if (u.empty()) continue;
      const RecommendResult unseen = Recommend({id, {}, {}}, space, /*include_seen=*/false);
      ExpectBest(unseen, zoo_.Scores(space, u), space + id, zoo_.seen[user]);
    }
    for (const char* space : kSparseSpaces) {
      const RecommendResult result = Recommend({id, {}, {}}, space, /*include_seen=*/false);
      const bool known = !zoo_.seen[user].empty();
      EXPECT_EQ(result.source, known ? AnswerSource::kTrainedVector : AnswerSource::kPopularity) << space;
      if (known) ExpectBest(result, zoo_.Scores(space, zoo_.TrainedCoefficients(space, user)), space, zoo_.seen[user]);
    }
  }
}

TEST_F(SpacesTest, StoredEventsBlendWithWhatWasTrained) {
  const ZooEvents& history = kHistories[2];
  const auto events = Views(history);
  for (const char* space : kMatrixSpaces) {
    EXPECT_EQ(Recommend({"stranger", events, {}}, space).source, AnswerSource::kLiveProfile) << space;
    const RecommendResult result = Recommend({"u1", events, {}}, space);
    EXPECT_EQ(result.source, AnswerSource::kBlendedProfile) << space;
    if (std::string_view(space) == "traits") continue;  // below
    ExpectBest(result, zoo_.Scores(space, Mix(0.7, zoo_.Trained(space, 1), 0.3, zoo_.Fold(space, history))), space);
  }
  for (const char* space : kSparseSpaces) {
    const RecommendResult result = Recommend({"u1", events, {}}, space);
    EXPECT_EQ(result.source, AnswerSource::kBlendedProfile) << space;
    const Vector mixed = Mix(0.7, zoo_.TrainedCoefficients(space, 1), 0.3, zoo_.Coefficients(space, history));
    ExpectBest(result, zoo_.Scores(space, mixed), space);
  }
}

TEST_F(SpacesTest, TraitsBlendProfilesAndShowThem) {
  const auto events = Views(kHistories[2]);
  Vector live;
  zoo_.Fold("traits", kHistories[2], &live);
  const Space& space = *model_->FindSpace("traits");
  const Recommender recommender(*model_);
  EXPECT_EQ(recommender.Resolve({"u1", events, {}}, space, &scratch_, nullptr), AnswerSource::kBlendedProfile);
  const Vector expected = Mix(0.7, zoo_.users["traits"][1], 0.3, live);
  ASSERT_EQ(scratch_.profile.size(), SpaceZoo::kTraits);
  for (size_t t = 0; t < SpaceZoo::kTraits; ++t) EXPECT_NEAR(scratch_.profile[t], expected[t], 1e-5);
  zoo_.users["traits"][1] = expected;
  ExpectBest(Recommend({"u1", events, {}}, "traits"), zoo_.Scores("traits", zoo_.Trained("traits", 1)), "traits");

  EXPECT_EQ(recommender.Resolve({"stranger", {}, {}}, space, &scratch_, nullptr), AnswerSource::kPopularity);
  for (size_t t = 0; t < SpaceZoo::kTraits; ++t) EXPECT_FLOAT_EQ(scratch_.profile[t], zoo_.average_profile[t]);
}

// A7 and A8, rung by rung, seen through the vector that ranks.
TEST_F(SpacesTest, LaddersOfUnknownTokensAndNewCustomers) {
  const auto resolve = [&](const char* space, const ZooEvents& history) {
    const auto events = Views(history);
    return Recommender(*model_).Resolve({"", {}, events}, *model_->FindSpace(space), &scratch_, nullptr);
  };
  const auto expect_vector = [&](const Vector& expected, const char* what) {
    ASSERT_EQ(scratch_.vector.size(), expected.size()) << what;
    for (size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(scratch_.vector[j], expected[j], 1e-5) << what;
  };
  // A8 in a space that averages tokens.
  EXPECT_EQ(resolve("tokens", {{"p3", "buy"}}), AnswerSource::kInlineEvents);
  expect_vector(zoo_.tokens[23], "the token itself");
  EXPECT_EQ(resolve("tokens", {{"p14", "buy"}}), AnswerSource::kInlineEvents);
  expect_vector(zoo_.CategoryVector(2), "never bought: the mean of its category");
  EXPECT_EQ(resolve("tokens", {{"p22", "view"}}), AnswerSource::kInlineEvents);
  expect_vector(zoo_.CategoryVector(1), "never seen: the mean of its category");
  EXPECT_EQ(resolve("tokens", {{"p26", "buy"}}), AnswerSource::kInlineEvents);
  expect_vector(zoo_.ActionVector("buy"), "no category: the mean of its action");
  EXPECT_EQ(resolve("tokens", {{"unheard of", "view"}}), AnswerSource::kInlineEvents);
  expect_vector(zoo_.ActionVector("view"), "not in the catalogue: the mean of its action");
  EXPECT_EQ(resolve("tokens", {{"p3", ""}}), AnswerSource::kInlineEvents);
  expect_vector(Mix(0.5, zoo_.tokens[3], 0.5, zoo_.tokens[23]), "no action: the mean of its tokens");
  EXPECT_EQ(resolve("tokens", {{"unheard of", "returned"}}), AnswerSource::kPopularity);
  // A token without a vector adds nothing and does not count.
  EXPECT_EQ(resolve("tokens", {{"unheard of", "returned"}, {"p3", "buy"}}), AnswerSource::kInlineEvents);
  expect_vector(zoo_.tokens[23], "zero vectors add nothing");

  // A7: fewer than three tokens are known by their categories.
  EXPECT_EQ(resolve("traits", {{"p1", "view"}, {"p1", "buy"}}), AnswerSource::kCategory);
  const Vector one = scratch_.profile.empty() ? Vector() : Vector(scratch_.profile.begin(), scratch_.profile.end());
  EXPECT_EQ(resolve("traits", {{"p4", "view"}}), AnswerSource::kCategory);
  for (size_t t = 0; t < one.size(); ++t) EXPECT_NEAR(scratch_.profile[t], one[t], 1e-6) << "same category";
  EXPECT_EQ(resolve("traits", {{"p25", "view"}, {"p26", "buy"}}), AnswerSource::kPopularity) << "no category";
  EXPECT_EQ(resolve("traits", {{"p25", "view"}, {"p26", "buy"}, {"p1", "view"}}), AnswerSource::kInlineEvents);
  EXPECT_EQ(resolve("traits", {{"p1", "bounce"}, {"p2", "bounce"}, {"p3", "bounce"}}), AnswerSource::kPopularity)
      << "actions that count nothing are no tokens";
  EXPECT_EQ(resolve("traits", {}), AnswerSource::kPopularity);
}

TEST_F(SpacesTest, BlendsScoreAsTheirPartsTogether) {
  const auto expect = [&](const SubjectView& subject, AnswerSource source, const std::vector<Vector>& parts,
                          const char* what) {
    const RecommendResult result = Recommend(subject, "blend");
    EXPECT_EQ(result.source, source) << what;
    Vector scores(SpaceZoo::kItems, 0.0);
    const auto& specs = zoo_.specs;
    size_t p = 0;
    for (const BlendPart& part : specs.find("blend")->second.parts) {
      const Vector& u = parts[p++];
      if (u.empty()) continue;
      const auto& x = zoo_.items[part.space];
      double mean_square = 0;
      for (const Vector& row : x) mean_square += testing::Dot(row, row) / SpaceZoo::kItems;
      const bool cosine = specs.find(part.space)->second.metric == Metric::kCosine;
      for (uint32_t i = 0; i < SpaceZoo::kItems; ++i) {
        const double norm = cosine ? std::sqrt(testing::Dot(x[i], x[i])) : std::sqrt(mean_square);
        scores[i] += part.weight * testing::Dot(Unit(u), x[i]) / norm;
      }
    }
    for (uint32_t i = 0; i < SpaceZoo::kItems; ++i) scores[i] += 0.1 * zoo_.prior[i];
    ExpectBest(result, scores, what);
  };
  const ZooEvents& history = kHistories[0];
  const auto events = Views(history);
  expect({"", {}, events}, AnswerSource::kInlineEvents,
         {zoo_.Fold("implicit", history), zoo_.Fold("traits", history), zoo_.Fold("vectors", history)}, "inline");
  expect({"u2", {}, {}}, AnswerSource::kTrainedVector,
         {zoo_.Trained("implicit", 2), zoo_.Trained("traits", 2), zoo_.Trained("vectors", 2)}, "trained");
  // Only traits know what an item outside of the catalogue means.
  const ZooEvents strange = {{"new", "view"}, {"newer", "buy"}, {"newest", "buy"}};
  const auto strange_events = Views(strange);
  expect({"", {}, strange_events}, AnswerSource::kInlineEvents, {{}, zoo_.Fold("traits", strange), {}}, "one part");
  Vector live;
  zoo_.Fold("traits", strange, &live);
  SpaceZoo mixed;
  mixed.users["traits"][2] = Mix(0.7, zoo_.users["traits"][2], 0.3, live);
  expect({"u2", strange_events, {}}, AnswerSource::kBlendedProfile,
         {zoo_.Trained("implicit", 2), mixed.Trained("traits", 2), zoo_.Trained("vectors", 2)}, "one part live");
  const RecommendResult stranger = Recommend({"stranger", {}, {}}, "blend");
  EXPECT_EQ(stranger.source, AnswerSource::kAverage);
}

TEST_F(SpacesTest, SparseSpacesMaskRestrictAndExplain) {
  const auto events = Views(kHistories[0]);
  for (const char* space : kSparseSpaces) {
    const Vector scores = zoo_.Scores(space, zoo_.Coefficients(space, kHistories[0]));
    ExpectBest(Recommend({"", {}, events}, space, /*include_seen=*/false), scores, space, {1, 2, 5});
    RecommendOptions options;
    options.space = space;
    options.include_seen = true;
    options.explain = true;
    const std::string_view candidates[] = {"p28", "p3", "p3", "nobody", "p17"};
    const std::string_view excluded[] = {"p17"};
    options.candidate_item_ids = candidates;
    options.exclude_item_ids = excluded;
    RecommendResult result;
    ASSERT_TRUE(Recommender(*model_).Recommend({"", {}, events}, options, &scratch_, &result).ok());
    ASSERT_EQ(result.items.size(), 2u);
    EXPECT_THAT(result.missing_ids, ::testing::ElementsAre("nobody"));
    EXPECT_TRUE(result.terms.empty());
    ASSERT_EQ(result.history_begin.size(), 3u);
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(result.items[i].score, scores[result.items[i].item], 1e-5);
      double sum = result.prior_terms[i];
      for (uint32_t t = result.history_begin[i]; t < result.history_begin[i + 1]; ++t) {
        EXPECT_THAT(result.history_terms[t].trait, ::testing::AnyOf(1, 2, 5));
        sum += result.history_terms[t].value;
      }
      EXPECT_NEAR(sum, result.items[i].score, 1e-5) << space;
    }
  }
  // An item without a word says nothing, and its category stands for it (sparse_category_test.cc).
  const EventView silent[] = {{"p4", 1.0}};
  EXPECT_EQ(Recommend({"", {}, silent}, "words").source, AnswerSource::kCategory);
  const EventView unknown[] = {{"nobody", 1.0}};
  EXPECT_EQ(Recommend({"", {}, unknown}, "neighbors").source, AnswerSource::kPopularity);
  const EventView overflow[] = {{"p1", 1e300}, {"p2", 1e300}};
  for (const char* space : {"words", "neighbors", "implicit", "traits", "blend"}) {
    for (const ScoredItem& item : Recommend({"", {}, overflow}, space).items) EXPECT_TRUE(std::isfinite(item.score));
  }
}

TEST_F(SpacesTest, EqualScoresGoByItemIndex) {
  // Most items are no neighbors of p1: their scores are all 0.
  const EventView events[] = {{"p1", 1.0}};
  RecommendOptions options;
  options.space = "neighbors";
  options.k = SpaceZoo::kItems;
  RecommendResult result;
  ASSERT_TRUE(Recommender(*model_).Recommend({"", {}, events}, options, &scratch_, &result).ok());
  ASSERT_EQ(result.items.size(), SpaceZoo::kItems - 1);
  size_t equal = 0;
  for (size_t i = 1; i < result.items.size(); ++i) {
    if (result.items[i].score != result.items[i - 1].score) continue;
    EXPECT_LT(result.items[i - 1].item, result.items[i].item);
    ++equal;
  }
  EXPECT_GT(equal, 10u);
}

TEST_F(SpacesTest, SimilarItemsOfSparseRows) {
  RecommendResult result;
  const Recommender recommender(*model_);
  for (uint32_t item : {0u, 7u, 29u}) {
    const std::string id = "p" + std::to_string(item);
    ASSERT_TRUE(recommender.SimilarItems(id, "words", 10, &scratch_, &result).ok());
    Vector cosine(SpaceZoo::kItems, 0.0), own(SpaceZoo::kItems, 0.0);
    for (uint32_t j = 0; j < SpaceZoo::kItems; ++j) {
      cosine[j] = testing::Dot(Unit(zoo_.words[item]), Unit(zoo_.words[j]));
      own[j] = zoo_.similar[item][j];
    }
    ExpectBest(result, cosine, "words", {item});
    ASSERT_TRUE(recommender.SimilarItems(id, "neighbors", 10, &scratch_, &result).ok());
    ExpectBest(result, own, "neighbors", {item});
  }
  ASSERT_TRUE(recommender.SimilarItems("p0", "blend", 10, &scratch_, &result).ok());
  const auto blend = zoo_.BlendItems();
  Vector cosine(SpaceZoo::kItems);
  for (uint32_t j = 0; j < SpaceZoo::kItems; ++j) cosine[j] = testing::Dot(Unit(blend[0]), Unit(blend[j]));
  ExpectBest(result, cosine, "blend", {0});
}

TEST_F(SpacesTest, WhatIsDerivedIsVerifiedAndTheGoldenQueriesCoverEverySpace) {
  EXPECT_TRUE(CheckDerived(model_->info(), model_->tensors()).ok());
  const std::string golden = MakeGoldenQueries(*model_);
  for (const auto& space : model_->spaces()) {
    for (const char* kind : {"similar", "history"}) {
      EXPECT_THAT(golden, ::testing::HasSubstr("\"kind\":\"" + std::string(kind) + "\",\"space\":\"" + space->name));
    }
  }
  // What differs from its source is found.
  for (const char* name : {"space.blend.items", "space.words.columns.weights", "space.words.inverse_norms"}) {
    TensorMap tensors = model_->tensors();
    OwnedTensor copy = OwnedTensor::Copy<float>(name, tensors.at(name).shape, tensors.at(name).As<float>());
    copy.Data<float>()[1] += 0.5f;
    tensors[name] = copy.view();
    EXPECT_THAT(std::string(CheckDerived(model_->info(), tensors).message()), ::testing::HasSubstr(name));
  }
}

// A bundle may hold any finite numbers: whoever loads it gets answers, if not good ones, and no crash.
TEST_F(SpacesTest, ExtremeNumbersAreServed) {
  for (const double value : {0.0, 3e38, -3e38, 1e-42}) {
    for (const char* what : {"tokens", "basis", "words", "similar", "items", "users", "weights"}) {
      SpaceZoo zoo;
      const std::string_view name = what;
      const auto fill = [&](testing::Matrix* matrix) {
        for (Vector& row : *matrix) std::fill(row.begin(), row.end(), value);
      };
      if (name == "tokens") fill(&zoo.tokens);
      if (name == "basis") fill(&zoo.basis);
      if (name == "words") fill(&zoo.words);
      if (name == "similar") fill(&zoo.similar);
      if (name == "weights") fill(&zoo.seen_weights);
      for (auto* matrices : {&zoo.items, &zoo.users}) {
        if (name != (matrices == &zoo.items ? "items" : "users")) continue;
        for (auto& [space, matrix] : *matrices) fill(&matrix);
      }
      if (name == "items") fill(&zoo.sources);
      const auto model = zoo.Load();
      ASSERT_NE(model, nullptr) << what << " = " << value;
      EXPECT_TRUE(CheckDerived(model->info(), model->tensors()).ok()) << what << " = " << value;
      const auto events = Views(kHistories[1]);
      for (const auto& space : model->spaces()) {
        for (const SubjectView& subject : {SubjectView{"u1", events, {}}, {"", {}, events}, {"u1", {}, {}}}) {
          RecommendOptions options;
          options.space = space->name;
          options.explain = true;
          RecommendResult result;
          ASSERT_TRUE(Recommender(*model).Recommend(subject, options, &scratch_, &result).ok());
          for (const ScoredItem& item : result.items) EXPECT_LT(item.item, SpaceZoo::kItems);
          ASSERT_TRUE(Recommender(*model).SimilarItems("p1", space->name, 5, &scratch_, &result).ok());
          EXPECT_LE(result.items.size(), 5u);
        }
      }
    }
  }
}

TEST_F(SpacesTest, AnswersAllocateNothingOnceWarm) {
  const auto events = Views(kHistories[2]);
  RecommendResult result;
  RecommendOptions options;
  options.explain = true;
  const Recommender recommender(*model_);
  const SubjectView subjects[] = {{"u1", events, {}}, {"", {}, events}, {"u3", {}, {}}, {"stranger", {}, {}}};
  for (int round = 0; round < 2; ++round) {
    for (const auto& space : model_->spaces()) {
      options.space = space->name;
      for (const SubjectView& subject : subjects) {
        const uint64_t before = testing::AllocationCount();
        ASSERT_TRUE(recommender.Recommend(subject, options, &scratch_, &result).ok());
        const uint64_t made = testing::AllocationCount() - before;
        if (round == 0) continue;
        EXPECT_EQ(made, 0u) << space->name << ", user '" << subject.user_id << "'";
      }
    }
  }
}

}  // namespace
}  // namespace kindred
