#include "trainer/families/traits_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/recommender.h"
#include "core/solve/trait_projection.h"
#include "tests/support/files.h"
#include "trainer/data/aggregate.h"
#include "trainer/families/train.h"

namespace kindred {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Settings = std::vector<std::pair<std::string, std::string>>;

constexpr uint32_t kPerSegment = 8;  // products
constexpr int64_t kDay = 86'400'000;

// Requirement A15's catalogue: customers 0 … 59 view and buy, even ones electronics and odd ones clothing; a tenth of
// the events are of the other segment. Ids are not ASCII.
EventLog TwoSegments() {
  EventLog log;
  for (uint32_t i = 0; i < 2 * kPerSegment; ++i) {
    log.item_ids.push_back(StrCat(i < kPerSegment ? "écran_" : "服装,", i));
  }
  log.action_ids = {"view", "buy"};
  for (uint32_t u = 0; u < 60; ++u) {
    log.user_ids.push_back(StrCat("kunde ü", u));
    for (uint32_t e = 0; e < 12; ++e) {
      const uint32_t segment = (u + (e % 10 == 9 ? 1 : 0)) % 2;
      log.user.push_back(u);
      log.item.push_back(segment * kPerSegment + (u * 5 + e * 3) % kPerSegment);
      log.action.push_back(e % 3 == 2 ? 1 : 0);
      log.time_ms.push_back(1'500'000'000'000 + e / 6 * kDay + e * 1000);
    }
  }
  return log;
}

std::shared_ptr<Family> Configured(const Settings& set) {
  auto family = std::make_shared<TraitsFamily>();
  ParameterList parameters;
  family->Describe(&parameters);
  for (const auto& [name, value] : set) {
    const absl::Status status = parameters.Set(name, value);
    EXPECT_TRUE(status.ok()) << status;
  }
  return family;
}

const Settings kSmall = {{"traits", "4"}, {"factors", "8"}, {"epochs", "30"}};

absl::StatusOr<TrainedSpace> Train(const EventLog& log, const Settings& set, const ItemTable& items = {},
                                   const EventWeights& weights = {}) {
  const Interactions interactions = AggregateEvents(log, {});
  TrainingData data;
  data.events = &log;
  data.interactions = &interactions;
  data.items = &items;
  data.weights = weights;
  Progress silent(Progress::Mode::kSilent);
  return Configured(set)->Train(data, "traits", &silent);
}

std::span<const float> Part(const TrainedSpace& space, std::string_view name) {
  for (const OwnedTensor& tensor : space.parts) {
    if (tensor.name == names::Space("traits", name)) return tensor.view().As<float>();
  }
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

double Cosine(std::span<const float> a, std::span<const float> b) {
  const double ab = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  const double aa = std::inner_product(a.begin(), a.end(), a.begin(), 0.0);
  const double bb = std::inner_product(b.begin(), b.end(), b.begin(), 0.0);
  return ab / std::sqrt(aa * bb);
}

// The bundle of one traits space, as it is served.
class ServedTraitsTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Model> Serve(const EventLog& log, const ItemTable& items, const EventWeights& weights,
                                     const Settings& set) {
    Recipe recipe;
    recipe.spaces.push_back({.name = "traits", .family = Configured(set), .prior_weight = {}, .weights = weights});
    return Serve(log, items, recipe);
  }

  std::shared_ptr<const Model> Serve(const EventLog& log, const ItemTable& items, Recipe recipe) {
    recipe.threads = 1;
    Progress silent(Progress::Mode::kSilent);
    const auto bundle = TrainBundle(log, items, recipe, "{}", &silent);
    EXPECT_TRUE(bundle.ok()) << bundle.status();
    if (!bundle.ok()) return nullptr;
    const std::string path = dir_.File("traits.safetensors");
    const auto packed = PackParts(bundle->parts, path);
    EXPECT_TRUE(packed.ok()) << packed.status();
    auto model = Model::Load(path);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *model : nullptr;
  }

  // Every customer's row is the profile that the engine folds their own events in to.
  void ExpectUsersAreTheirFoldIns(const EventLog& log, const Model& model) {
    const Space& space = model.default_space();
    const Recommender recommender(model);
    EngineScratch scratch;
    std::vector<std::string_view> missing;
    for (uint32_t user = 0; user < log.user_ids.size(); ++user) {
      std::vector<EventView> events;
      for (size_t row = 0; row < log.size(); ++row) {
        if (log.user[row] != user) continue;
        EventView event{.item_id = log.item_ids[log.item[row]], .weight = log.ValueOf(row)};
        if (!log.action.empty()) event.action = log.action_ids[log.action[row]];
        if (!log.time_ms.empty()) event.time_ms = log.time_ms[row];
        events.push_back(event);
      }
      const auto row = space.users.subspan(user * space.spec.dim, space.spec.dim);
      const bool silent = std::all_of(row.begin(), row.end(), [](float x) { return x == 0; });
      const AnswerSource source = recommender.Resolve({.inline_events = events}, space, &scratch, &missing);
      if (silent) {
        EXPECT_EQ(source, AnswerSource::kPopularity) << user;
        continue;
      }
      EXPECT_EQ(source, events.size() < kFewTokens ? AnswerSource::kCategory : AnswerSource::kInlineEvents) << user;
      for (size_t t = 0; t < row.size(); ++t) EXPECT_NEAR(scratch.profile[t], row[t], 1e-5) << user << ", " << t;
    }
  }

  kindred::testing::TempDir dir_;
};

TEST(TraitsFamilyTest, CustomersAreTheProjectionOfTheirMeanToken) {
  const EventLog log = TwoSegments();
  const auto space = Train(log, kSmall);
  ASSERT_TRUE(space.ok()) << space.status();
  EXPECT_EQ(space->spec.fold_in, FoldIn::kTraits);
  const uint32_t k = space->spec.dim, d = 8;
  ASSERT_EQ(k, 4u);
  ASSERT_EQ(space->items.size(), log.item_ids.size() * k);
  const auto tokens = Part(*space, names::kTokens);
  const auto average = Part(*space, names::kAverageProfile);
  const auto projection = TraitProjection::Create(Part(*space, names::kBasis), k, d, average);
  ASSERT_TRUE(projection.ok());

  // Tokens are numbered where the users' rows first have them.
  std::vector<std::pair<uint16_t, uint32_t>> vocabulary;
  std::vector<double> mean_profile(k, 0.0);
  TraitScratch scratch;
  for (uint32_t user = 0; user < log.user_ids.size(); ++user) {
    std::vector<double> e(d, 0.0);
    for (size_t row = 0; row < log.size(); ++row) {
      if (log.user[row] != user) continue;
      const std::pair token(log.action[row], log.item[row]);
      const size_t t = std::find(vocabulary.begin(), vocabulary.end(), token) - vocabulary.begin();
      if (t == vocabulary.size()) vocabulary.push_back(token);
      for (uint32_t j = 0; j < d; ++j) e[j] += tokens[t * d + j] / 12.0;
    }
    std::vector<float> profile(k);
    projection->Profile(e, profile, &scratch);
    double sum = 0;
    for (uint32_t t = 0; t < k; ++t) {
      EXPECT_NEAR(space->users[user * k + t], profile[t], 1e-6) << user;
      sum += space->users[user * k + t];
      mean_profile[t] += profile[t] / 60.0;
    }
    EXPECT_NEAR(sum, 1, 1e-4) << user;
  }
  EXPECT_EQ(vocabulary.size() * d, tokens.size());
  for (uint32_t t = 0; t < k; ++t) EXPECT_NEAR(average[t], mean_profile[t], 1e-6);
  const auto figures = nlohmann::json::parse(space->figures_json);
  EXPECT_EQ(figures["tokens"], vocabulary.size());
  EXPECT_EQ(figures["customers"], 60);
  EXPECT_LT(figures["mean_relative_residual"].get<double>(), figures["nmf_relative_error"].get<double>() + 0.05);
}

TEST(TraitsFamilyTest, CustomersOfOneSegmentAreMoreAlike) {
  const EventLog log = TwoSegments();
  const auto space = Train(log, kSmall);
  ASSERT_TRUE(space.ok()) << space.status();
  const size_t k = space->spec.dim;
  double within = 0, across = 0, n_within = 0, n_across = 0;
  for (size_t a = 0; a < 60; ++a) {
    for (size_t b = 0; b < a; ++b) {
      const double cosine =
          Cosine(std::span(space->users).subspan(a * k, k), std::span(space->users).subspan(b * k, k));
      (a % 2 == b % 2 ? within : across) += cosine;
      (a % 2 == b % 2 ? n_within : n_across) += 1;
    }
  }
  EXPECT_GT(within / n_within, across / n_across + 0.1);

  // And what sets them apart points to their own products.
  const auto projection =
      TraitProjection::Create(Part(*space, names::kBasis), space->spec.dim, 8, Part(*space, names::kAverageProfile));
  std::vector<float> u(k);
  for (size_t user = 0; user < 60; ++user) {
    projection->Query(std::span(space->users).subspan(user * k, k), u);
    double own = 0, other = 0;
    for (size_t i = 0; i < 2 * kPerSegment; ++i) {
      (i / kPerSegment == user % 2 ? own : other) +=
          std::inner_product(u.begin(), u.end(), space->items.begin() + static_cast<ptrdiff_t>(i * k), 0.0);
    }
    EXPECT_GT(own, other) << user;
  }
}

TEST(TraitsFamilyTest, OneThreadAndASeedGiveTheSameBits) {
  const EventLog log = TwoSegments();
  const auto a = Train(log, kSmall), b = Train(log, kSmall);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->users, b->users);
  EXPECT_EQ(a->items, b->items);
  EXPECT_EQ(a->figures_json, b->figures_json);
}

TEST(TraitsFamilyTest, TokensOfItemsAloneHaveNoTableOfActions) {
  Settings set = kSmall;
  set.emplace_back("tokens", "item");
  const auto space = Train(TwoSegments(), set);
  ASSERT_TRUE(space.ok()) << space.status();
  for (const OwnedTensor& tensor : space->parts) EXPECT_THAT(tensor.name, ::testing::Not(HasSubstr("action")));
  EXPECT_EQ(Part(*space, names::kTokens).size(), 2u * kPerSegment * 8);
}

TEST(TraitsFamilyTest, MoreTraitsThanTheVectorsCarryAreReducedAndSaidSo) {
  const auto space = Train(TwoSegments(), {{"traits", "30"}, {"factors", "8"}});
  ASSERT_TRUE(space.ok()) << space.status();
  EXPECT_LE(space->spec.dim, 8u);
  EXPECT_EQ(space->notes.size(), 1u);
}

TEST(TraitsFamilyTest, TooLittleIsAClearError) {
  EventLog log;
  log.user_ids = {"u"};
  log.item_ids = {"i"};
  log.user = {0};
  log.item = {0};
  const auto single = Train(log, kSmall);
  ASSERT_FALSE(single.ok());
  EXPECT_THAT(single.status().message(), HasSubstr("neighbour"));

  const auto nothing = Train(TwoSegments(), kSmall, {}, {.actions = {{"view", 0.0}, {"buy", 0.0}}});
  ASSERT_FALSE(nothing.ok());
  EXPECT_THAT(nothing.status().message(), HasSubstr("action weight"));
}

TEST_F(ServedTraitsTest, SpacesOfOneVocabularyShareItAndOthersAreRefused) {
  const EventLog log = TwoSegments();
  Recipe recipe;
  recipe.spaces.push_back({.name = "traits", .family = Configured(kSmall), .prior_weight = {}, .weights = {}});
  Settings finer = {{"traits", "3"}, {"factors", "6"}, {"epochs", "20"}, {"window", "2"}};
  recipe.spaces.push_back({.name = "finer", .family = Configured(finer), .prior_weight = {}, .weights = {}});
  for (const char* name : {"traits", "finer"}) {
    recipe.default_space = name;
    const auto model = Serve(log, {}, recipe);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->default_space().name, name);
    ExpectUsersAreTheirFoldIns(log, *model);
  }

  finer.emplace_back("tokens", "item");
  recipe.spaces.back().family = Configured(finer);
  Progress silent(Progress::Mode::kSilent);
  const auto refused = TrainBundle(log, {}, recipe, "{}", &silent);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(),
              AllOf(HasSubstr("spaces 'traits' and 'finer' need one table tokens.ids"), HasSubstr("min_occurrences")));
}

TEST_F(ServedTraitsTest, ServingMakesTheTrainedProfilesOfTheSameEvents) {
  EventLog log = TwoSegments();
  // Two more customers, of two events: their categories speak for one (A7), nothing for the other.
  for (const uint32_t item : {0u, 2 * kPerSegment}) {
    if (item == 2 * kPerSegment) log.item_ids.push_back("sans catégorie");
    log.user_ids.push_back(StrCat("short ", item));
    for (int e = 0; e < 2; ++e) {
      log.user.push_back(static_cast<uint32_t>(log.user_ids.size() - 1));
      log.item.push_back(item);
      log.action.push_back(0);
      log.time_ms.push_back(1'500'000'000'000 + e);
    }
  }
  ItemTable items;
  items.category_ids = {"segment:0", "segment:1"};
  for (uint32_t i = 0; i < 2 * kPerSegment; ++i) items.categories.push_back({i / kPerSegment});
  items.categories.emplace_back();
  const auto model = Serve(log, items, {.actions = {{"buy", 4.0}}, .half_life_days = 0.5}, kSmall);
  ASSERT_NE(model, nullptr);
  ExpectUsersAreTheirFoldIns(log, *model);
  const size_t k = model->default_space().spec.dim;
  const auto users = model->default_space().users;
  EXPECT_NEAR(std::accumulate(users.begin() + 60 * k, users.begin() + 61 * k, 0.0), 1, 1e-4);
  EXPECT_EQ(std::accumulate(users.begin() + 61 * k, users.begin() + 62 * k, 0.0), 0);
}

TEST_F(ServedTraitsTest, WithoutTimesAndActions) {
  EventLog log = TwoSegments();
  log.time_ms.clear();
  log.action.clear();
  log.action_ids.clear();
  const auto model = Serve(log, {}, {}, kSmall);
  ASSERT_NE(model, nullptr);
  ExpectUsersAreTheirFoldIns(log, *model);
}

TEST_F(ServedTraitsTest, OneCustomerAndOneProductAreServed) {
  EventLog log;
  log.user_ids = {"u"};
  log.item_ids = {"i"};
  log.user = {0, 0, 0};
  log.item = {0, 0, 0};
  const auto model = Serve(log, {}, {}, kSmall);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->default_space().spec.dim, 1u);
  EXPECT_NEAR(model->default_space().users[0], 1, 1e-4);
}

}  // namespace
}  // namespace kindred
