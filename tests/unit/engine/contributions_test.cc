// Contributions against scores recomputed by hand without each item of the history, by dense loops (space_zoo.h).
#include "core/engine/contributions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/unit/engine/space_zoo.h"
#include "tests/unit/engine/test_model.h"
#include "tests/unit/solve/allocation_counter.h"

namespace kindred {
namespace {

using testing::Mix;
using testing::SpaceZoo;
using testing::Unit;
using testing::Vector;
using ZooEvents = std::vector<SpaceZoo::Event>;

constexpr const char* kMatrixSpaces[] = {"implicit", "observed", "ridge", "vectors", "tokens", "traits", "blend"};
constexpr const char* kSparseSpaces[] = {"words", "neighbors"};

std::vector<EventView> Views(const ZooEvents& events) {
  std::vector<EventView> views;
  for (const auto& event : events) {
    views.push_back(
        {event.item, event.weight, event.action, static_cast<int64_t>(std::llround(event.days * 86'400'000))});
  }
  return views;
}

ZooEvents Without(const ZooEvents& events, const std::string& item) {
  ZooEvents out;
  for (const auto& event : events) {
    if (event.item != item) out.push_back(event);
  }
  return out;
}

// Events with actions that count, items outside of the catalogue, items twice; three tokens or more stay of each.
const ZooEvents kHistories[] = {
    {{"p1", "view"}, {"p2", "buy"}, {"p5", "view"}, {"p7", "buy", 2}, {"p3", "view", 3}},
    {{"p1", "view", 3}, {"p1", "buy", 2}, {"p4", "view"}, {"p9", "buy", 0.5}, {"p12", "view"}, {"p1", "view"}},
    {{"p29", "view"}, {"nobody", "buy"}, {"p27", "buy"}, {"p6"}, {"p0", "buy"}, {"p8", "view"}},
};

class ContributionsTest : public ::testing::Test {
 protected:
  // The blend's parts' unit vectors one after another, of any other space the vector; zeros where nothing is known.
  Vector Fold(const std::string& space, const ZooEvents& events) const {
    if (space != "blend") return OrZeros(space, zoo_.Fold(space, events));
    return Together([&](const std::string& part) { return zoo_.Fold(part, events); });
  }
  template <typename Of>
  Vector Together(const Of& of) const {
    Vector all;
    for (const BlendPart& part : zoo_.specs.find("blend")->second.parts) {
      const Vector u = Unit(OrZeros(part.space, of(part.space)));
      all.insert(all.end(), u.begin(), u.end());
    }
    return all;
  }
  Vector OrZeros(const std::string& space, const Vector& u) const {
    return u.empty() ? Vector(zoo_.specs.find(space)->second.dim, 0.0) : u;
  }

  ContributionResult Ask(const char* space, const SubjectView& subject, AnswerSource source,
                         const std::vector<ScoredItem>& items) {
    ContributionResult result;
    Contributions(*model_, *model_->FindSpace(space), subject, source, items, &scratch_, &result);
    EXPECT_EQ(result.begin.size(), items.size() + 1) << space;
    EXPECT_EQ(result.begin.front(), 0u);
    EXPECT_EQ(result.begin.back(), result.contributions.size());
    return result;
  }

  // Every item of the catalogue as an answer.
  static std::vector<ScoredItem> Everything() {
    std::vector<ScoredItem> items;
    for (uint32_t i = 0; i < SpaceZoo::kItems; ++i) items.push_back({SpaceZoo::kItems - 1 - i, 0.0f});
    return items;
  }

  // differences[item of the history][item of the answer], those of 0 left out.
  using Differences = std::map<uint32_t, Vector>;
  void Expect(const ContributionResult& result, const Differences& differences, const std::string& what) {
    const auto items = Everything();
    for (size_t i = 0; i < items.size(); ++i) {
      double tolerance = 1e-5;
      for (const auto& [h, values] : differences) {
        tolerance = std::max(tolerance, 1e-5 * std::abs(values[items[i].item]));
      }
      const std::span found =
          std::span(result.contributions).subspan(result.begin[i], result.begin[i + 1] - result.begin[i]);
      ASSERT_LE(found.size(), kMaxContributions);
      std::set<uint32_t> listed;
      for (size_t c = 0; c < found.size(); ++c) {
        ASSERT_TRUE(differences.contains(found[c].item)) << what << ": " << found[c].item;
        ASSERT_TRUE(listed.insert(found[c].item).second) << what << ": twice";
        EXPECT_NE(found[c].value, 0) << what;
        EXPECT_NEAR(found[c].value, differences.at(found[c].item)[items[i].item], tolerance) << what;
        if (c == 0) continue;
        EXPECT_TRUE(found[c - 1].value > found[c].value ||
                    (found[c - 1].value == found[c].value && found[c - 1].item < found[c].item))
            << what;
      }
      // What is not listed is smaller than what is or, where there is room, nothing.
      for (const auto& [h, values] : differences) {
        if (listed.contains(h)) continue;
        const double value = values[items[i].item];
        EXPECT_LE(found.size() == kMaxContributions ? value - found.back().value : std::abs(value), tolerance)
            << what << ", item " << items[i].item << ": " << h << " is missing";
      }
    }
  }

  Vector Difference(const char* space, const Vector& with, const Vector& without) const {
    return Mix(1, zoo_.Scores(space, with), -1, zoo_.Scores(space, without));
  }
  // c_i K_ij of each item of the history.
  Differences Terms(const std::string& space, const Vector& c) const {
    Differences out;
    for (uint32_t i = 0; i < SpaceZoo::kItems; ++i) {
      if (c[i] == 0) continue;
      Vector& terms = out[i] = Vector(SpaceZoo::kItems);
      for (uint32_t j = 0; j < SpaceZoo::kItems; ++j) {
        const auto& words = zoo_.words;
        const double norm = std::sqrt(testing::Dot(words[j], words[j]));
        const double dot = norm > 0 ? testing::Dot(words[i], words[j]) / norm : 0;
        terms[j] = c[i] * (space == "words" ? dot : zoo_.similar[i][j]);
      }
    }
    return out;
  }
  static uint32_t Index(const std::string& id) { return static_cast<uint32_t>(std::stoul(id.substr(1))); }

  SpaceZoo zoo_;
  std::shared_ptr<const Model> model_ = zoo_.Load();
  EngineScratch scratch_;
};

TEST_F(ContributionsTest, OfEventsAreTheScoreLessTheScoreWithoutThem) {
  for (const ZooEvents& history : kHistories) {
    const auto events = Views(history);
    for (const char* space : kMatrixSpaces) {
      Differences live, inline_events, blended;
      const Vector with = Fold(space, history);
      for (const auto& event : history) {
        if (event.item == "nobody") continue;
        const Vector without = Fold(space, Without(history, event.item));
        live[Index(event.item)] = Difference(space, with, without);
        if (std::string_view(space) == "traits" || std::string_view(space) == "blend") continue;
        const Vector trained = zoo_.Trained(space, 1);
        blended[Index(event.item)] = Difference(space, Mix(0.7, trained, 0.3, with), Mix(0.7, trained, 0.3, without));
      }
      inline_events = live;
      Expect(Ask(space, {"stranger", events, {}}, AnswerSource::kLiveProfile, Everything()), live, space);
      Expect(Ask(space, {"", {}, events}, AnswerSource::kInlineEvents, Everything()), inline_events, space);
      if (blended.empty()) continue;
      Expect(Ask(space, {"u1", events, {}}, AnswerSource::kBlendedProfile, Everything()), blended, space);
    }
  }
}

TEST_F(ContributionsTest, OfBlendedTraitsLeaveTheTrainedProfileWhole) {
  const auto events = Views(kHistories[0]);
  const Vector trained = zoo_.users["traits"][1];
  const auto query = [&](const ZooEvents& history) {
    Vector live;
    zoo_.Fold("traits", history, &live);
    SpaceZoo mixed;
    mixed.users["traits"][1] = Mix(0.7, trained, 0.3, live);
    return mixed.Trained("traits", 1);
  };
  Differences expected;
  for (const auto& event : kHistories[0]) {
    expected[Index(event.item)] = Difference("traits", query(kHistories[0]), query(Without(kHistories[0], event.item)));
  }
  Expect(Ask("traits", {"u1", events, {}}, AnswerSource::kBlendedProfile, Everything()), expected, "traits");
}

TEST_F(ContributionsTest, OfTheOnlyItemAreTheWholeScoreOrWhatItChangesOfTheTrained) {
  const EventView one[] = {{"p1", 2, "view"}, {"p1", 1, "buy"}};
  for (const char* space : {"implicit", "ridge", "vectors", "tokens", "observed"}) {
    const Vector with = zoo_.Fold(space, {{"p1", "view", 2}, {"p1", "buy", 1}});
    const Vector nothing(with.size(), 0.0), trained = zoo_.Trained(space, 1);
    Expect(Ask(space, {"", {}, one}, AnswerSource::kInlineEvents, Everything()),
           {{1, Difference(space, with, nothing)}}, space);
    Expect(Ask(space, {"u1", one, {}}, AnswerSource::kBlendedProfile, Everything()),
           {{1, Difference(space, Mix(0.7, trained, 0.3, with), trained)}}, space);
  }
}

// What an event is worth does not change when the newest one, which ages are counted from, is left out.
TEST_F(ContributionsTest, KeepWhatTheOtherEventsAreWorth) {
  const ZooEvents dated = {
      {"p1", "view", 1, 100}, {"p2", "buy", 1, 95}, {"p5", "view", 1, 90}, {"p7", "buy", 1, 80}, {"p3", "view", 1, 99}};
  ZooEvents aged = dated;  // by hand: 2^(−age / 10 days)
  for (auto& event : aged) {
    event.weight *= std::pow(2, -(100 - event.days) / 10);
    event.days = 0;
  }
  Differences expected;
  for (const auto& event : aged) {
    expected[Index(event.item)] = Difference("traits", Fold("traits", aged), Fold("traits", Without(aged, event.item)));
  }
  Expect(Ask("traits", {"", {}, Views(dated)}, AnswerSource::kInlineEvents, Everything()), expected, "traits");
}

TEST_F(ContributionsTest, OfStepsLeaveTheItemOutOfEachStep) {
  const ZooEvents first = {{"p1", "view"}, {"p2", "buy"}, {"p5", "view"}}, second = {{"p7", "buy"}, {"p1", "buy", 3}};
  auto events = Views(first);
  for (EventView event : Views(second)) {
    event.blend_step = 4;
    events.push_back(event);
  }
  for (const char* space : {"implicit", "ridge", "vectors", "observed"}) {
    const auto fold = [&](const std::string& without) {
      return Mix(0.7, zoo_.Fold(space, Without(first, without)), 0.3, zoo_.Fold(space, Without(second, without)));
    };
    Differences expected;
    for (const char* item : {"p1", "p2", "p5", "p7"}) {
      expected[Index(item)] = Difference(space, fold(""), fold(item));
    }
    Expect(Ask(space, {"", events, {}}, AnswerSource::kLiveProfile, Everything()), expected, space);
  }
}

TEST_F(ContributionsTest, OfTrainedUsersAreThoseOfWhatTheyHaveSeen) {
  for (const uint32_t user : {0, 1, 2}) {
    const std::string id = "u" + std::to_string(user);
    ZooEvents seen;
    for (size_t s = 0; s < zoo_.seen[user].size(); ++s) {
      // Values of users.seen.weights have actions and age in them already; tokens are those of no action.
      seen.push_back({"p" + std::to_string(zoo_.seen[user][s]), "", zoo_.seen_weights[user][s]});
    }
    for (const char* space : kMatrixSpaces) {
      Differences expected;
      for (const auto& event : seen) {
        expected[Index(event.item)] = Difference(space, Fold(space, seen), Fold(space, Without(seen, event.item)));
      }
      Expect(Ask(space, {id, {}, {}}, AnswerSource::kTrainedVector, Everything()), expected, space + id);
    }
    for (const char* space : kSparseSpaces) {
      const Vector c = zoo_.TrainedCoefficients(space, user);
      Expect(Ask(space, {id, {}, {}}, AnswerSource::kTrainedVector, Everything()), Terms(space, c), space + id);
    }
  }
  for (const char* space : {"implicit", "traits", "words"}) {
    EXPECT_TRUE(Ask(space, {"u5", {}, {}}, AnswerSource::kTrainedVector, Everything()).contributions.empty()) << space;
  }
}

TEST_F(ContributionsTest, OfSparseRowsAreTheTermsOfTheSum) {
  for (const ZooEvents& history : kHistories) {
    const auto events = Views(history);
    for (const char* space : kSparseSpaces) {
      const Vector c = zoo_.Coefficients(space, history);
      Expect(Ask(space, {"", {}, events}, AnswerSource::kInlineEvents, Everything()), Terms(space, c), space);
      const Vector both = Mix(0.7, zoo_.TrainedCoefficients(space, 1), 0.3, c);
      Expect(Ask(space, {"u1", events, {}}, AnswerSource::kBlendedProfile, Everything()), Terms(space, both), space);
    }
  }
}

TEST_F(ContributionsTest, OfCategoriesAreThoseOfTheItemsTouched) {
  for (const uint32_t item : {6, 7}) std::fill(zoo_.items["ridge"][item].begin(), zoo_.items["ridge"][item].end(), 0.0);
  model_ = zoo_.Load();
  const EventView events[] = {{"p6", 1}, {"p7", 2}};
  const auto mean = [&](uint32_t category) {
    Vector sum(3, 0.0);
    for (uint32_t i = category; i < 24; i += 3)
      sum = Mix(1, sum, i == 6 || i == 7 ? 0.0 : 1.0 / 7, zoo_.items["ridge"][i]);
    return sum;
  };
  const Vector with = Mix(1.0 / 3, mean(0), 2.0 / 3, mean(1));
  const Differences expected = {{6, Difference("ridge", with, mean(1))}, {7, Difference("ridge", with, mean(0))}};
  Expect(Ask("ridge", {"", events, {}}, AnswerSource::kCategory, Everything()), expected, "stored");
  Expect(Ask("ridge", {"", {}, events}, AnswerSource::kCategory, Everything()), expected, "inline");
  // An item whose vector is zeros beside one that says something counts nothing.
  const EventView mixed[] = {{"p6", 1}, {"p1", 1}};
  for (const Contribution& c : Ask("ridge", {"", {}, mixed}, AnswerSource::kInlineEvents, Everything()).contributions) {
    EXPECT_EQ(c.item, 1u);
  }
}

TEST_F(ContributionsTest, ThereAreNoneWhereNoHistorySpeaks) {
  for (const auto& space : model_->spaces()) {
    for (const AnswerSource source :
         {AnswerSource::kAverage, AnswerSource::kPopularity, AnswerSource::kPrecomputed, AnswerSource::kInlineEvents,
          AnswerSource::kTrainedVector, AnswerSource::kLiveProfile, AnswerSource::kCategory}) {
      const ContributionResult result = Ask(space->name.c_str(), {"stranger", {}, {}}, source, Everything());
      EXPECT_TRUE(result.contributions.empty()) << space->name;
    }
    EXPECT_TRUE(Ask(space->name.c_str(), {"u1", {}, {}}, AnswerSource::kTrainedVector, {}).contributions.empty());
  }
}

TEST_F(ContributionsTest, TheTenLargestOfMany) {
  ZooEvents history;
  for (uint32_t i = 0; i < 19; ++i)
    history.push_back({"p" + std::to_string(i), i % 2 == 0 ? "view" : "buy", 1.0 + i % 4});
  const auto events = Views(history);
  for (const char* space : kMatrixSpaces) {
    Differences expected;
    for (const auto& event : history) {
      expected[Index(event.item)] = Difference(space, Fold(space, history), Fold(space, Without(history, event.item)));
    }
    Expect(Ask(space, {"", {}, events}, AnswerSource::kInlineEvents, Everything()), expected, space);
  }
  // Items that are alike count alike: then the lower one first, and ten of them.
  for (testing::Vector& row : zoo_.items["ridge"]) row = {1, 2, 3};
  model_ = zoo_.Load();
  const ContributionResult alike = Ask("ridge", {"", {}, events}, AnswerSource::kInlineEvents, {{29, 0}});
  ASSERT_EQ(alike.contributions.size(), kMaxContributions);
  for (size_t c = 1; c < alike.contributions.size(); ++c) {
    const Contribution &before = alike.contributions[c - 1], &after = alike.contributions[c];
    EXPECT_TRUE(before.value > after.value || (before.value == after.value && before.item < after.item));
  }
}

TEST_F(ContributionsTest, HistoriesBeyondTheLimitKeepWhatIsWorthMost) {
  testing::ModelShape shape;
  shape.n_items = 600;
  const auto model = testing::LoadModel(shape);
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < 600; ++i) ids.push_back("i" + std::to_string(i));
  std::vector<EventView> events;
  for (uint32_t i = 0; i < 600; ++i) events.push_back({ids[i], 1.0 + (i * 7 % 600)});
  std::vector<ScoredItem> items;
  for (uint32_t i = 0; i < 100; ++i) items.push_back({i, 0});
  ContributionResult result;
  Contributions(*model, model->default_space(), {"", {}, events}, AnswerSource::kInlineEvents, items, &scratch_,
                &result);
  EXPECT_EQ(result.begin.back(), 1000u);
  for (const Contribution& c : result.contributions) EXPECT_GE(c.item * 7 % 600, 600 - kMaxContributingItems);
  // User 3 has seen the 86 items i with i % 7 == 3, none worth more than another.
  Contributions(*model, model->default_space(), {"u3", {}, {}}, AnswerSource::kTrainedVector, items, &scratch_,
                &result);
  EXPECT_EQ(result.begin.back(), 1000u);
  for (const Contribution& c : result.contributions) {
    EXPECT_EQ(c.item % 7, 3u);
    EXPECT_LT(c.item, 3 + 7 * kMaxContributingTrained);
  }
}

TEST_F(ContributionsTest, HostileHistoriesAndModelsGiveFiniteNumbers) {
  const EventView hostile[] = {
      {"p1", 1e308, "buy"}, {"p1", 1e308, "view"},        {"p2", 1e-320},           {"", 1},
      {"p3", 1, "bounce"},  {"p4", 1e300, "", INT64_MAX}, {"p5", 3, "", INT64_MIN}, {"p6", 1, "", 1, UINT32_MAX}};
  const auto ask_all = [&](const Model& model) {
    for (const auto& space : model.spaces()) {
      for (const auto& [subject, source] : std::initializer_list<std::pair<SubjectView, AnswerSource>>{
               {{"u1", hostile, {}}, AnswerSource::kBlendedProfile},
               {{"", hostile, {}}, AnswerSource::kLiveProfile},
               {{"", {}, hostile}, AnswerSource::kInlineEvents},
               {{"", {}, hostile}, AnswerSource::kCategory},
               {{"u1", {}, {}}, AnswerSource::kTrainedVector},
               {{"u1", {}, {}}, AnswerSource::kLiveProfile}}) {
        const std::vector<ScoredItem> items = {{29, 0}, {0, 0}, {29, 1}};
        ContributionResult result;
        Contributions(model, *space, subject, source, items, &scratch_, &result);
        ASSERT_EQ(result.begin.size(), 4u);
        for (const Contribution& c : result.contributions) {
          EXPECT_TRUE(std::isfinite(c.value)) << space->name;
          EXPECT_LT(c.item, SpaceZoo::kItems);
        }
      }
    }
  };
  ask_all(*model_);
  for (const double value : {0.0, 3e38, -3e38, 1e-42}) {
    SpaceZoo zoo;
    for (auto* matrices : {&zoo.items, &zoo.users}) {
      for (auto& [space, matrix] : *matrices) {
        for (Vector& row : matrix) std::fill(row.begin(), row.end(), value);
      }
    }
    for (auto* matrix : {&zoo.tokens, &zoo.sources, &zoo.words, &zoo.similar}) {
      for (Vector& row : *matrix) std::fill(row.begin(), row.end(), value);
    }
    const auto model = zoo.Load();
    ASSERT_NE(model, nullptr) << value;
    ask_all(*model);
  }
}

TEST_F(ContributionsTest, AllocateNothingOnceWarm) {
  const auto events = Views(kHistories[1]);
  const auto items = Everything();
  ContributionResult result;
  for (int round = 0; round < 3; ++round) {
    for (const auto& space : model_->spaces()) {
      for (const auto& [subject, source] : std::initializer_list<std::pair<SubjectView, AnswerSource>>{
               {{"u1", events, {}}, AnswerSource::kBlendedProfile},
               {{"", {}, events}, AnswerSource::kInlineEvents},
               {{"u1", {}, {}}, AnswerSource::kTrainedVector}}) {
        const uint64_t before = testing::AllocationCount();
        Contributions(*model_, *space, subject, source, items, &scratch_, &result);
        const uint64_t made = testing::AllocationCount() - before;
        EXPECT_TRUE(round < 2 || made == 0) << space->name << ": " << made;
      }
    }
  }
}

}  // namespace
}  // namespace kindred
