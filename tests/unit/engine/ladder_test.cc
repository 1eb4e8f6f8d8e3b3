// The rungs that spaces_test.cc does not climb: steps of events that are blended in, categories, lists made before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/bundle/tensor_names.h"
#include "core/engine/subject_resolver.h"
#include "tests/unit/engine/space_zoo.h"
#include "tests/unit/solve/allocation_counter.h"

namespace kindred {
namespace {

using testing::Mix;
using testing::SpaceZoo;
using testing::Unit;
using testing::Vector;
using ZooEvents = std::vector<SpaceZoo::Event>;

constexpr const char* kMatrixSpaces[] = {"implicit", "observed", "ridge", "vectors", "tokens"};
constexpr const char* kSparseSpaces[] = {"words", "neighbors"};

// Events of one step after another. Views of the steps.
std::vector<EventView> InSteps(const std::vector<const ZooEvents*>& steps) {
  std::vector<EventView> views;
  for (uint32_t step = 0; step < steps.size(); ++step) {
    for (const auto& event : *steps[step]) {
      views.push_back(
          {event.item, event.weight, event.action, static_cast<int64_t>(std::llround(event.days * 86'400'000)), step});
    }
  }
  return views;
}

class LadderTest : public ::testing::Test {
 protected:
  // The model is loaded when it is first asked: a test changes zoo_ before.
  AnswerSource Resolve(const SubjectView& subject, const char* space) {
    if (model_ == nullptr) model_ = zoo_.Load();
    return SubjectResolver(*model_, &scratch_).Resolve(subject, *model_->FindSpace(space));
  }
  void ExpectVector(std::span<const float> found, const Vector& expected, const std::string& what) {
    ASSERT_EQ(found.size(), expected.size()) << what;
    double largest = 1;
    for (const double x : expected) largest = std::max(largest, std::abs(x));
    for (size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(found[j], expected[j], 1e-5 * largest) << what;
  }
  Vector Coefficients() const {
    Vector out(SpaceZoo::kItems, 0.0);
    for (const ItemWeight& entry : scratch_.coefficients) out[entry.item] = entry.weight;
    return out;
  }
  // 0.7 · what came before + 0.3 · each further step.
  static Vector Blended(const std::vector<Vector>& steps) {
    Vector v = steps.front();
    for (size_t s = 1; s < steps.size(); ++s) v = Mix(0.7, v, 0.3, steps[s]);
    return v;
  }

  SpaceZoo zoo_;
  std::shared_ptr<const Model> model_;
  EngineScratch scratch_;
};

const std::vector<ZooEvents> kSteps = {
    {{"p1", "view"}, {"p2", "buy"}, {"p5", "view", 2}},
    {{"p7", "buy", 1, 100}, {"p3", "view", 2, 80}, {"p3", "view", 1, 95}, {"p1", "buy"}},
    {{"p9", "view"}, {"p6", "buy"}, {"p0", "view"}},
};

TEST_F(LadderTest, StepsAreBlendedInOneAfterAnother) {
  const auto events = InSteps({&kSteps[0], &kSteps[1], &kSteps[2]});
  for (const char* space : kMatrixSpaces) {
    std::vector<Vector> steps;
    steps.reserve(kSteps.size());
    for (const ZooEvents& step : kSteps) steps.push_back(zoo_.Fold(space, step));
    EXPECT_EQ(Resolve({"stranger", events, {}}, space), AnswerSource::kLiveProfile) << space;
    ExpectVector(scratch_.vector, Blended(steps), space);
    EXPECT_EQ(Resolve({"u1", events, {}}, space), AnswerSource::kBlendedProfile) << space;
    ExpectVector(scratch_.vector, Mix(0.7, zoo_.Trained(space, 1), 0.3, Blended(steps)), space);
  }
  for (const char* space : kSparseSpaces) {
    std::vector<Vector> steps;
    steps.reserve(kSteps.size());
    for (const ZooEvents& step : kSteps) steps.push_back(zoo_.Coefficients(space, step));
    EXPECT_EQ(Resolve({"stranger", events, {}}, space), AnswerSource::kLiveProfile) << space;
    // 0.7f is not quite 0.7.
    const Vector expected = Blended(steps), found = Coefficients();
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-6) << space;
    EXPECT_EQ(Resolve({"u1", events, {}}, space), AnswerSource::kBlendedProfile) << space;
    const Vector mixed = Mix(0.7, zoo_.TrainedCoefficients(space, 1), 0.3, expected), both = Coefficients();
    for (size_t i = 0; i < mixed.size(); ++i) EXPECT_NEAR(both[i], mixed[i], 1e-6) << space;
  }
}

TEST_F(LadderTest, StepsOfTraitsBlendProfilesAndStepsOfBlendsEachPart) {
  const auto events = InSteps({&kSteps[0], &kSteps[1], &kSteps[2]});
  std::vector<Vector> profiles(kSteps.size()), implicit, vectors;
  for (size_t s = 0; s < kSteps.size(); ++s) {
    zoo_.Fold("traits", kSteps[s], &profiles[s]);
    implicit.push_back(zoo_.Fold("implicit", kSteps[s]));
    vectors.push_back(zoo_.Fold("vectors", kSteps[s]));
  }
  EXPECT_EQ(Resolve({"", events, {}}, "traits"), AnswerSource::kLiveProfile);
  ExpectVector(scratch_.profile, Blended(profiles), "profile");
  zoo_.users["traits"][1] = Blended(profiles);  // what the zoo makes a query of
  const Vector query = zoo_.Trained("traits", 1);
  ExpectVector(scratch_.vector, query, "query");

  EXPECT_EQ(Resolve({"", events, {}}, "blend"), AnswerSource::kLiveProfile);
  Vector expected;
  for (const Vector& part : {Unit(Blended(implicit)), Unit(query), Unit(Blended(vectors))}) {
    expected.insert(expected.end(), part.begin(), part.end());
  }
  ExpectVector(scratch_.vector, expected, "blend");
}

TEST_F(LadderTest, StepsThatSayNothingLeaveWhatWasThere) {
  const ZooEvents nothing = {{"nobody", "returned"}};
  for (const char* space : {"implicit", "ridge", "tokens", "traits", "words", "neighbors", "blend"}) {
    const auto only = InSteps({&kSteps[0]});
    ASSERT_EQ(Resolve({"", only, {}}, space), AnswerSource::kLiveProfile) << space;
    const std::vector<float> vector = scratch_.vector;
    const Vector coefficients = Coefficients();
    const auto first = InSteps({&nothing, &nothing, &kSteps[0]}), last = InSteps({&kSteps[0], &nothing}),
               between = InSteps({&nothing, &kSteps[0], &nothing, &nothing});
    for (const auto& events : {first, last, between}) {
      EXPECT_EQ(Resolve({"", events, {}}, space), AnswerSource::kLiveProfile) << space;
      EXPECT_EQ(scratch_.vector, vector) << space << ": to the bit";
      EXPECT_EQ(Coefficients(), coefficients) << space << ": to the bit";
    }
    const auto silent = InSteps({&nothing, &nothing});
    const AnswerSource source = Resolve({"", silent, {}}, space);
    EXPECT_TRUE(source == AnswerSource::kPopularity || source == AnswerSource::kAverage) << space;
  }
}

TEST_F(LadderTest, WhatTheStepsAreCalledAndHowTheyLieDoesNotMatter) {
  auto events = InSteps({&kSteps[0], &kSteps[1], &kSteps[2]});
  for (const char* space : {"implicit", "ridge", "tokens", "traits", "words", "neighbors", "blend"}) {
    Resolve({"u2", events, {}}, space);
    const std::vector<float> vector = scratch_.vector;
    const Vector coefficients = Coefficients();
    auto other = events;
    for (EventView& event : other) event.blend_step = event.blend_step == 2 ? UINT32_MAX : 7 * event.blend_step + 3;
    // Steps mixed up, each in its own order.
    std::vector<EventView> mixed;
    for (size_t i = 0; i < 4; ++i) {
      for (const uint32_t step : {UINT32_MAX, 3u, 10u}) {
        size_t at = 0;
        for (const EventView& event : other) {
          if (event.blend_step == step && at++ == i) mixed.push_back(event);
        }
      }
    }
    ASSERT_EQ(mixed.size(), other.size());
    for (const auto& each : {other, mixed}) {
      Resolve({"u2", each, {}}, space);
      EXPECT_EQ(scratch_.vector, vector) << space;
      EXPECT_EQ(Coefficients(), coefficients) << space;
    }
  }
  // One step is one history, whatever its number.
  auto one = InSteps({&kSteps[1]});
  for (const char* space : {"implicit", "traits", "words", "blend"}) {
    Resolve({"u2", one, {}}, space);
    const std::vector<float> vector = scratch_.vector;
    const Vector coefficients = Coefficients();
    for (EventView& event : one) event.blend_step += 5;
    Resolve({"u2", one, {}}, space);
    EXPECT_EQ(scratch_.vector, vector) << space;
    EXPECT_EQ(Coefficients(), coefficients) << space;
  }
}

// Mean of the rows, of unit ones for cosine, of category c that are not zero.
Vector CategoryMean(const testing::Matrix& rows, uint32_t c, bool unit) {
  Vector sum(rows[0].size(), 0.0);
  double count = 0;
  for (uint32_t i = c; i < 24; i += 3) {
    if (testing::Dot(rows[i], rows[i]) == 0) continue;
    sum = Mix(1, sum, 1, unit ? Unit(rows[i]) : rows[i]);
    ++count;
  }
  return Mix(1 / count, sum, 0, sum);
}

class CategoryTest : public LadderTest {
 protected:
  // p6 in c0, p7 in c1 and p28 in no category were never trained on.
  CategoryTest() {
    for (const uint32_t item : {6, 7, 28}) {
      for (auto& [space, rows] : zoo_.items) std::fill(rows[item].begin(), rows[item].end(), 0.0);
      std::fill(zoo_.sources[item].begin(), zoo_.sources[item].end(), 0.0);
    }
  }
  Vector Expected(const std::string& space, double c0, double c1) {
    const auto& rows = space == "vectors" ? zoo_.sources : zoo_.items[space];
    const bool unit = space == "vectors";
    return Mix(c0 / (c0 + c1), CategoryMean(rows, 0, unit), c1 / (c0 + c1), CategoryMean(rows, 1, unit));
  }
};

TEST_F(CategoryTest, ItemsWithoutAVectorStandForTheirCategories) {
  const EventView events[] = {{"p6", 1}, {"p7", 2}, {"p28", 5}, {"p6", 3}, {"nobody", 1}};
  for (const char* space : {"implicit", "ridge", "vectors"}) {
    EXPECT_EQ(Resolve({"stranger", events, {}}, space), AnswerSource::kCategory) << space;
    ExpectVector(scratch_.vector, Expected(space, 4, 2), space);
    EXPECT_EQ(Resolve({"", {}, events}, space), AnswerSource::kCategory) << space;
    ExpectVector(scratch_.vector, Expected(space, 4, 2), space);
  }
  // Steps of categories are blended in as others are.
  const EventView steps[] = {{"p6", 1}, {"p7", 2, "", 0, 1}};
  EXPECT_EQ(Resolve({"", steps, {}}, "ridge"), AnswerSource::kCategory);
  ExpectVector(scratch_.vector, Expected("ridge", 0.7, 0.3), "steps");
  // Each part of a blend by its own; traits have no category of these tokens' items left out.
  EXPECT_EQ(Resolve({"", {}, std::span(events).first(2)}, "blend"), AnswerSource::kCategory);
  Vector expected = Unit(Expected("implicit", 1, 2));
  const Vector traits = zoo_.Fold("traits", {{"p6"}, {"p7", "", 2}}), vectors = Unit(Expected("vectors", 1, 2));
  ASSERT_FALSE(traits.empty());
  for (const Vector& part : {Unit(traits), vectors}) expected.insert(expected.end(), part.begin(), part.end());
  ExpectVector(scratch_.vector, expected, "blend");
}

TEST_F(CategoryTest, IsBelowWhatSaysMoreAndAboveTheRest) {
  const EventView silent[] = {{"p6", 1}}, telling[] = {{"p1", 1}}, uncategorized[] = {{"p28", 1}};
  EXPECT_EQ(Resolve({"stranger", silent, telling}, "ridge"), AnswerSource::kInlineEvents);
  ExpectVector(scratch_.vector, zoo_.Fold("ridge", {{"p1"}}), "inline before category");
  const EventView unknown[] = {{"nobody", 1}};
  EXPECT_EQ(Resolve({"u1", unknown, {}}, "ridge"), AnswerSource::kTrainedVector);
  EXPECT_EQ(Resolve({"stranger", silent, uncategorized}, "ridge"), AnswerSource::kCategory);
  EXPECT_EQ(Resolve({"stranger", uncategorized, silent}, "ridge"), AnswerSource::kCategory);
  EXPECT_EQ(Resolve({"stranger", uncategorized, {}}, "ridge"), AnswerSource::kPopularity);
  EXPECT_EQ(Resolve({"stranger", silent, {}}, "implicit"), AnswerSource::kCategory);
  EXPECT_EQ(Resolve({"stranger", {}, uncategorized}, "implicit"), AnswerSource::kAverage);
  EXPECT_EQ(Resolve({"stranger", {}, {}}, "implicit"), AnswerSource::kAverage);
  // One event that says something is enough for its rung.
  const EventView both[] = {{"p6", 1}, {"p1", 1}};
  EXPECT_EQ(Resolve({"", {}, both}, "ridge"), AnswerSource::kInlineEvents);
  // What was observed always says something.
  EXPECT_EQ(Resolve({"", {}, silent}, "observed"), AnswerSource::kInlineEvents);
}

TEST_F(CategoryTest, SaysNothingWhereWeightsOverflowOrCategoriesAreEmpty) {
  const EventView huge[] = {{"p6", 1e308}, {"p7", 1e308}, {"p6", 1e308}};
  EXPECT_EQ(Resolve({"", {}, huge}, "ridge"), AnswerSource::kPopularity);
  for (uint32_t item = 0; item < 24; item += 3) {
    std::fill(zoo_.items["ridge"][item].begin(), zoo_.items["ridge"][item].end(), 0.0);
  }
  model_ = nullptr;
  const EventView events[] = {{"p6", 1}, {"p7", 1}};
  EXPECT_EQ(Resolve({"", {}, std::span(events).first(1)}, "ridge"), AnswerSource::kPopularity);
  EXPECT_EQ(Resolve({"", {}, events}, "ridge"), AnswerSource::kCategory);
  ExpectVector(scratch_.vector, CategoryMean(zoo_.items["ridge"], 1, false), "empty categories do not count");
}

TEST_F(LadderTest, NoCategoriesAreMadeWhereEveryItemHasAVector) {
  model_ = zoo_.Load();
  for (const auto& space : model_->spaces()) EXPECT_TRUE(space->category_means.empty()) << space->name;
  EXPECT_TRUE(model_->FindSpace("neighbors")->category_rows.offsets.empty());
  EXPECT_FALSE(model_->FindSpace("words")->category_rows.offsets.empty()) << "p4 has no words";
}

// A7: traits of fewer than three tokens are those of the categories, and the answer says so.
TEST_F(LadderTest, FewTokensSayThatTheyGoByCategory) {
  const EventView few[] = {{"p1", 1, "view"}, {"p1", 1, "buy"}};
  const EventView enough[] = {{"p1", 1, "view"}, {"p1", 1, "buy"}, {"p2", 1, "buy"}};
  EXPECT_EQ(Resolve({"", {}, few}, "traits"), AnswerSource::kCategory);
  const Vector by_category = zoo_.Fold("traits", {{"p1", "view"}, {"p1", "buy"}});
  ExpectVector(scratch_.vector, by_category, "few");
  EXPECT_FALSE(scratch_.profile.empty());
  EXPECT_EQ(Resolve({"stranger", few, {}}, "traits"), AnswerSource::kCategory);
  ExpectVector(scratch_.vector, by_category, "few, stored");
  EXPECT_EQ(Resolve({"stranger", enough, {}}, "traits"), AnswerSource::kLiveProfile);
  EXPECT_EQ(Resolve({"stranger", few, enough}, "traits"), AnswerSource::kInlineEvents) << "categories wait";
  EXPECT_EQ(Resolve({"u1", few, {}}, "traits"), AnswerSource::kBlendedProfile);
  // A step of its own has tokens of its own.
  const EventView steps[] = {few[0], enough[0], enough[1], enough[2]};
  std::vector<EventView> later(std::begin(steps), std::end(steps));
  for (size_t i = 1; i < later.size(); ++i) later[i].blend_step = 1;
  EXPECT_EQ(Resolve({"", later, {}}, "traits"), AnswerSource::kLiveProfile);
  Vector first, second;
  zoo_.Fold("traits", {{"p1", "view"}}, &first);
  zoo_.Fold("traits", {{"p1", "view"}, {"p1", "buy"}, {"p2", "buy"}}, &second);
  ExpectVector(scratch_.profile, Mix(0.7, first, 0.3, second), "each step by its own tokens");
  for (EventView& event : later)
    event.blend_step = event.blend_step == 1 && event.action == "buy" ? 2 : event.blend_step;
  EXPECT_EQ(Resolve({"", std::span(later).first(3), {}}, "traits"), AnswerSource::kCategory) << "each step is of one";
  // A blend of which only the traits speak, and by categories.
  const EventView unheard[] = {{"p1", 0.5, "view"}};
  zoo_.items["implicit"][1] = Vector(4, 0.0);
  zoo_.sources[1] = Vector(4, 0.0);
  model_ = nullptr;
  EXPECT_EQ(Resolve({"", {}, unheard}, "blend"), AnswerSource::kCategory);
}

class PrecomputedTest : public LadderTest {
 protected:
  // Lists of u0 and of u5, who has nothing else.
  void Load() {
    TensorMap tensors = zoo_.Tensors();
    const auto offsets = OwnedTensor::Copy<int64_t>(names::Offsets(names::kRecommendations), {7},
                                                    std::vector<int64_t>{0, 2, 2, 2, 2, 2, 5});
    const auto values =
        OwnedTensor::Copy<uint32_t>(names::Values(names::kRecommendations), {5}, std::vector<uint32_t>{3, 1, 29, 0, 7});
    const auto weights =
        OwnedTensor::Copy<float>(names::Weights(names::kRecommendations), {5}, std::vector<float>{1, 0.5, 9, 9, -2});
    for (const OwnedTensor* tensor : {&offsets, &values, &weights}) tensors.emplace(tensor->name, tensor->view());
    const std::string path = ::testing::TempDir() + "/precomputed.safetensors";
    const absl::Status written = WriteBundle(path, tensors, zoo_.metadata());
    ASSERT_TRUE(written.ok()) << written;
    auto model = Model::Load(path);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }
};

TEST_F(PrecomputedTest, AnswersWhoHasNothingElse) {
  std::fill(zoo_.users["implicit"][5].begin(), zoo_.users["implicit"][5].end(), 0.0);
  zoo_.users["traits"][5] = Vector(SpaceZoo::kTraits, 0.0);
  ASSERT_NO_FATAL_FAILURE(Load());
  const RankedItems list = model_->Recommendations(5);
  EXPECT_THAT(list.items, ::testing::ElementsAre(29, 0, 7));
  EXPECT_THAT(list.scores, ::testing::ElementsAre(9, 9, -2));
  EXPECT_TRUE(model_->Recommendations(4).empty());
  const EventView known[] = {{"p1", 1, "view"}, {"p2", 1, "view"}, {"p3", 1, "view"}}, unknown[] = {{"nobody", 1}};
  for (const auto& space : model_->spaces()) {
    const char* name = space->name.c_str();
    EXPECT_EQ(Resolve({"u5", {}, {}}, name), AnswerSource::kPrecomputed) << name;
    EXPECT_THAT(scratch_.vector, ::testing::Each(0.0f)) << name;
    EXPECT_TRUE(scratch_.coefficients.empty()) << name;
    if (space->traits != nullptr) ExpectVector(scratch_.profile, zoo_.average_profile, name);
    if (space->has_tokens) continue;  // an unknown token may stand for its action
    EXPECT_EQ(Resolve({"u5", unknown, {}}, name), AnswerSource::kPrecomputed) << name;
    EXPECT_EQ(Resolve({"u5", known, {}}, name), AnswerSource::kLiveProfile) << name;
    EXPECT_EQ(Resolve({"u5", unknown, known}, name), AnswerSource::kInlineEvents) << name;
    EXPECT_EQ(Resolve({"u0", {}, {}}, name), AnswerSource::kTrainedVector) << name << ": a vector goes before";
    EXPECT_NE(Resolve({"stranger", {}, {}}, name), AnswerSource::kPrecomputed) << name;
    EXPECT_NE(Resolve({"", {}, {}}, name), AnswerSource::kPrecomputed) << name;
  }
}

TEST_F(PrecomputedTest, ABundleWithoutListsHasNone) {
  model_ = zoo_.Load();
  for (uint32_t user = 0; user < SpaceZoo::kUsers; ++user) EXPECT_TRUE(model_->Recommendations(user).empty());
  EXPECT_TRUE(model_->Recommendations(UINT32_MAX - 1).empty());
}

TEST_F(CategoryTest, NothingIsAllocatedOnceWarm) {
  const auto steps = InSteps({&kSteps[0], &kSteps[1], &kSteps[2]});
  std::vector<EventView> mixed(steps.rbegin(), steps.rend());
  const EventView silent[] = {{"p6", 1}, {"p7", 2, "", 0, 1}};
  const SubjectView subjects[] = {
      {"u1", steps, {}}, {"", steps, {}}, {"", mixed, {}}, {"", silent, {}}, {"", {}, silent}};
  model_ = zoo_.Load();
  for (int round = 0; round < 3; ++round) {
    for (const auto& space : model_->spaces()) {
      for (const SubjectView& subject : subjects) {
        const uint64_t before = testing::AllocationCount();
        SubjectResolver(*model_, &scratch_).Resolve(subject, *space);
        const uint64_t made = testing::AllocationCount() - before;
        EXPECT_TRUE(round < 2 || made == 0) << space->name << ": " << made;
      }
    }
  }
}

}  // namespace
}  // namespace kindred
