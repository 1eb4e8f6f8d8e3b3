// Explanations of blends that a request asks for, against dense loops (space_zoo.h): terms of each space, of each
// dimension and item of the history within it, and what each item of the history counts for the whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "core/engine/contributions.h"
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
using Events = std::vector<SpaceZoo::Event>;
using Parts = std::vector<BlendOption>;

const Events kHistory = {{"p1", "view"}, {"p2", "buy"}, {"p5", "view"}, {"p7", "buy", 2}, {"p3", "view", 3}};
const Parts kParts = {{"implicit", 1}, {"words", 0.5}, {"traits", 2}, {"vectors", 0.25}, {"neighbors", 0.1}};
// One that the bundle's blend carries, so that one scan ranks.
const Parts kCarried = {{"vectors", 0.75}, {"implicit", 1}};

std::vector<EventView> Views(const Events& events) {
  std::vector<EventView> views;
  for (const auto& event : events) views.push_back({event.item, event.weight, event.action});
  return views;
}

Events Without(const Events& events, const std::string& item) {
  Events out;
  for (const auto& event : events) {
    if (event.item != item) out.push_back(event);
  }
  return out;
}

class BlendExplanationTest : public ::testing::Test {
 protected:
  RecommendResult Ask(const SubjectView& subject, std::span<const BlendOption> parts,
                      std::span<const BoostOption> boosts = {}) {
    RecommendOptions options;
    options.k = SpaceZoo::kItems;
    options.include_seen = true;
    options.explain = true;
    options.blend = parts;
    options.boosts = boosts;
    RecommendResult result;
    const absl::Status status = Recommender(*model_).Recommend(subject, options, &scratch_, &result);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(result.parts.size(), parts.size());
    EXPECT_EQ(result.contributions.begin.size(), result.items.size() + 1);
    return result;
  }

  static bool IsSparseSpace(std::string_view space) { return space == "words" || space == "neighbors"; }

  // The row of an item at the scale that all parts have.
  Vector ScaledRow(const std::string& space, uint32_t item) const {
    const testing::Matrix& x = zoo_.items.find(space)->second;
    double square = Dot(x[item], x[item]);
    if (zoo_.specs.find(space)->second.metric == Metric::kDot) {
      square = 0;
      for (const Vector& row : x) square += Dot(row, row) / SpaceZoo::kItems;
    }
    return Mix(1 / std::sqrt(square), x[item], 0, x[item]);
  }
  // K_ij as a space of sparse rows ranks by it.
  double Kernel(const std::string& space, uint32_t i, uint32_t j) const {
    if (space == "neighbors") return zoo_.similar[i][j];
    const double norm = std::sqrt(Dot(zoo_.words[j], zoo_.words[j]));
    return norm > 0 ? Dot(zoo_.words[i], zoo_.words[j]) / norm : 0;
  }

  // What a part adds to an item's score: u as the space folds it in.
  double PartScore(const BlendOption& part, const Vector& u, uint32_t item) const {
    const std::string space(part.space);
    double sum = 0;
    if (IsSparseSpace(space)) {
      for (uint32_t i = 0; i < SpaceZoo::kItems; ++i) sum += u[i] * Kernel(space, i, item);
    } else if (!u.empty()) {
      sum = Dot(Unit(u), ScaledRow(space, item));
    }
    return part.weight * sum;
  }

  // Every term of an answer for a subject whose vector, or coefficients, in a space `of` gives.
  using Of = std::function<Vector(const std::string&)>;
  void ExpectTerms(const RecommendResult& result, std::span<const BlendOption> parts, const Of& of) {
    ASSERT_EQ(result.items.size(), SpaceZoo::kItems);
    size_t dimensions = 0;
    for (size_t i = 0; i < result.items.size(); ++i) {
      const uint32_t item = result.items[i].item;
      double score = result.prior_terms[i];
      if (!result.boost_terms.empty()) score += result.boost_terms[i];
      double size = std::abs(score);
      for (size_t p = 0; p < parts.size(); ++p) {
        const std::string space(parts[p].space);
        const Vector u = of(space);
        const float of_part = result.blend_terms[i * parts.size() + p];
        EXPECT_NEAR(of_part, PartScore(parts[p], u, item), 1e-5) << space;
        double sum = 0, part_size = 0.01;
        const auto add = [&](float term, double expected) {
          EXPECT_NEAR(term, expected, 1e-5) << space;
          sum += term;
          part_size += std::abs(term);
        };
        if (IsSparseSpace(space)) {
          const size_t n = i * parts.size() + p;
          Vector missing = u;
          for (uint32_t t = result.history_begin[n]; t < result.history_begin[n + 1]; ++t) {
            const ScoreTerm& term = result.history_terms[t];
            add(term.value, parts[p].weight * u[term.trait] * Kernel(space, term.trait, item));
            missing[term.trait] = 0;
          }
          for (uint32_t h = 0; h < missing.size(); ++h) EXPECT_NEAR(missing[h] * Kernel(space, h, item), 0, 1e-6);
        } else {
          const Vector row = ScaledRow(space, item), unit = Unit(u);
          for (size_t j = 0; j < unit.size(); ++j) {
            add(result.terms[dimensions++], parts[p].weight * unit[j] * row[j]);
          }
        }
        EXPECT_NEAR(sum, of_part, 1e-5 * part_size) << space;
        score += sum;
        size += part_size;
      }
      EXPECT_NEAR(score, result.items[i].score, 1e-5 * size) << item;
    }
    EXPECT_EQ(dimensions, result.terms.size());
  }

  // difference(h, item of the answer) for every item of the history.
  void ExpectContributions(const RecommendResult& result, const std::vector<std::string>& history,
                           const std::function<double(const std::string&, uint32_t)>& difference) {
    for (size_t i = 0; i < result.items.size(); ++i) {
      std::map<uint32_t, double> found;
      for (uint32_t c = result.contributions.begin[i]; c < result.contributions.begin[i + 1]; ++c) {
        const Contribution& contribution = result.contributions.contributions[c];
        EXPECT_TRUE(found.emplace(contribution.item, contribution.value).second) << "twice";
        const bool first = c == result.contributions.begin[i];
        EXPECT_TRUE(first || result.contributions.contributions[c - 1].value >= contribution.value) << "out of order";
      }
      for (const std::string& id : history) {
        const auto item = static_cast<uint32_t>(std::stoul(id.substr(1)));
        const auto at = found.find(item);
        EXPECT_NEAR(at == found.end() ? 0 : at->second, difference(id, result.items[i].item), 2e-5)
            << id << " for " << result.items[i].item;
        if (at != found.end()) found.erase(at);
      }
      EXPECT_TRUE(found.empty()) << "of an item that is none of the history";
    }
  }

  Vector OfEvents(const std::string& space, const Events& events) const {
    return IsSparseSpace(space) ? zoo_.Coefficients(space, events) : zoo_.Fold(space, events);
  }
  // In a space of sparse rows a contribution is the term of the sum.
  double Lost(const BlendOption& part, const Events& events, const std::string& id, uint32_t item) const {
    const std::string space(part.space);
    const Vector with = OfEvents(space, events);
    if (!IsSparseSpace(space)) {
      return PartScore(part, with, item) - PartScore(part, OfEvents(space, Without(events, id)), item);
    }
    const auto h = static_cast<uint32_t>(std::stoul(id.substr(1)));
    return part.weight * with[h] * Kernel(space, h, item);
  }
  double LostInAll(std::span<const BlendOption> parts, const Events& events, const std::string& id,
                   uint32_t item) const {
    double sum = 0;
    for (const BlendOption& part : parts) sum += Lost(part, events, id, item);
    return sum;
  }

  SpaceZoo zoo_;
  std::shared_ptr<const Model> model_ = zoo_.Load();
  EngineScratch scratch_;
};

TEST_F(BlendExplanationTest, OfEventsEveryTermIsItsFactorsProduct) {
  const auto events = Views(kHistory);
  const auto of = [&](const std::string& space) { return OfEvents(space, kHistory); };
  for (const Parts& parts : {kParts, kCarried}) {
    ExpectTerms(Ask({"", {}, events}, parts), parts, of);
    ExpectTerms(Ask({"stranger", events, {}}, parts), parts, of);
    const std::string_view ids[] = {"p3"};
    const BoostOption boosts[] = {{"c1", {}, 0.5f}, {"", ids, -1.25f}};
    ExpectTerms(Ask({"", {}, events}, parts, boosts), parts, of);
  }
}

TEST_F(BlendExplanationTest, OfTrainedUsersEveryTermIsItsFactorsProduct) {
  const auto of = [&](const std::string& space) {
    return IsSparseSpace(space) ? zoo_.TrainedCoefficients(space, 1) : zoo_.Trained(space, 1);
  };
  for (const Parts& parts : {kParts, kCarried}) ExpectTerms(Ask({"u1", {}, {}}, parts), parts, of);
}

TEST_F(BlendExplanationTest, HistoryCountsWhatAllSpacesLoseWithoutIt) {
  const auto events = Views(kHistory);
  const std::vector<std::string> ids = {"p1", "p2", "p3", "p5", "p7"};
  for (const Parts& parts : {kParts, kCarried}) {
    const auto lost = [&](const std::string& id, uint32_t item) { return LostInAll(parts, kHistory, id, item); };
    ExpectContributions(Ask({"", {}, events}, parts), ids, lost);
    ExpectContributions(Ask({"stranger", events, {}}, parts), ids, lost);
  }
}

TEST_F(BlendExplanationTest, HistoryOfBlendedProfilesLeavesTheTrainedVectorWhole) {
  const Parts parts = {{"implicit", 1}, {"vectors", 0.5}, {"neighbors", 0.2}};
  const auto events = Views(kHistory);
  const auto lost = [&](const std::string& id, uint32_t item) {
    double sum = 0;
    for (const BlendOption& part : parts) {
      const std::string space(part.space);
      if (IsSparseSpace(space)) {
        const Vector both = Mix(0.7, zoo_.TrainedCoefficients(space, 1), 0.3, zoo_.Coefficients(space, kHistory));
        const auto h = static_cast<uint32_t>(std::stoul(id.substr(1)));
        sum += part.weight * both[h] * Kernel(space, h, item);
        continue;
      }
      const Vector trained = zoo_.Trained(space, 1);
      const auto score = [&](const Events& history) {
        return PartScore(part, Mix(0.7, trained, 0.3, zoo_.Fold(space, history)), item);
      };
      sum += score(kHistory) - score(Without(kHistory, id));
    }
    return sum;
  };
  // What the user has seen is history of the neighbors, beside the events.
  std::vector<std::string> ids = {"p1", "p2", "p3", "p5", "p7"};
  for (const uint32_t item : zoo_.seen[1]) {
    const std::string id = "p" + std::to_string(item);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  ASSERT_LE(ids.size(), kMaxContributions);
  ExpectContributions(Ask({"u1", events, {}}, parts), ids, lost);
}

TEST_F(BlendExplanationTest, HistoryOfTrainedUsersIsWhatTheyHaveSeen) {
  Events seen;
  std::vector<std::string> ids;
  for (size_t s = 0; s < zoo_.seen[2].size(); ++s) {
    ids.push_back("p" + std::to_string(zoo_.seen[2][s]));
    seen.push_back({ids.back(), "", zoo_.seen_weights[2][s]});
  }
  ASSERT_LE(ids.size(), kMaxContributions);
  const auto lost = [&](const std::string& id, uint32_t item) { return LostInAll(kParts, seen, id, item); };
  // Of words and neighbors the actions are in the weights already.
  ExpectContributions(Ask({"u2", {}, {}}, kParts), ids, lost);
}

TEST_F(BlendExplanationTest, SpacesThatDoNotSpeakAddNothing) {
  // The events speak in the vectors alone; the averages of the others stay silent beside them.
  for (auto* rows : {&zoo_.items["implicit"], &zoo_.words, &zoo_.similar}) {
    std::fill((*rows)[26].begin(), (*rows)[26].end(), 0.0);
  }
  model_ = zoo_.Load();
  const EventView events[] = {{"p26"}};
  const Parts parts = {{"implicit", 1}, {"words", 1}, {"vectors", 1}, {"neighbors", 1}, {"ridge", 0}};
  const RecommendResult result = Ask({"", {}, events}, parts);
  ASSERT_EQ(result.source, AnswerSource::kInlineEvents);
  ExpectTerms(result, parts, [&](const std::string& space) {
    if (space == "vectors") return zoo_.Fold(space, {{"p26"}});
    return Vector(IsSparseSpace(space) ? SpaceZoo::kItems : zoo_.specs.find(space)->second.dim, 0.0);
  });
  ExpectContributions(result, {"p26"}, [&](const std::string&, uint32_t item) {
    return PartScore(parts[2], zoo_.Fold("vectors", {{"p26"}}), item);
  });
}

TEST_F(BlendExplanationTest, WhereNobodyIsKnownThePriorIsTheScore) {
  const RecommendResult average = Ask({"stranger", {}, {}}, kParts);
  EXPECT_EQ(average.source, AnswerSource::kAverage);
  EXPECT_TRUE(average.contributions.contributions.empty());
  for (size_t i = 0, j = 0; i < average.items.size(); ++i) {
    double sum = 0;
    for (size_t n = 0; n < average.terms.size() / average.items.size(); ++n) sum += average.terms[j++];
    EXPECT_NEAR(sum, average.items[i].score, 1e-5);
  }
  const Parts unknown = {{"words", 1}, {"ridge", 1}};
  const RecommendResult popular = Ask({"stranger", {}, {}}, unknown);
  EXPECT_EQ(popular.source, AnswerSource::kPopularity);
  EXPECT_TRUE(popular.terms.empty() && popular.history_begin.empty());
  for (size_t i = 0; i < popular.items.size(); ++i) EXPECT_EQ(popular.prior_terms[i], popular.items[i].score);
}

TEST_F(BlendExplanationTest, AllocatesNothingOnceWarm) {
  const auto events = Views(kHistory);
  RecommendOptions options;
  options.k = 20;
  options.explain = true;
  RecommendResult result;
  for (int round = 0; round < 3; ++round) {
    for (const Parts& parts : {kParts, kCarried}) {
      options.blend = parts;
      for (const SubjectView& subject : {SubjectView{"u1", events, {}}, {"", {}, events}, {"u2", {}, {}}}) {
        const uint64_t before = testing::AllocationCount();
        ASSERT_TRUE(Recommender(*model_).Recommend(subject, options, &scratch_, &result).ok());
        const uint64_t made = testing::AllocationCount() - before;
        EXPECT_TRUE(round < 2 || made == 0) << made;
      }
    }
  }
}

}  // namespace
}  // namespace kindred
