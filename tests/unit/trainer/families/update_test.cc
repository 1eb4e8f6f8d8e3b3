#include "trainer/families/update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "core/base/str_cat.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/recommender.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::ListDirectory;
using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// The training ends on 2024-03-01; updates come after.
class UpdateTest : public ::testing::Test {
 protected:
  UpdateTest() {
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    std::mt19937 generator(5);
    std::string text = "who,what,much,at\n";
    for (int row = 0; row < 300; ++row) {
      const int user = static_cast<int>(generator() % 15), item = static_cast<int>(generator() % 12);
      text += StrCat("u", user, ",i", item, ",", 1 + generator() % 4, ",2024-02-", 10 + row % 19, "\n");
    }
    WriteFile(dir_.File("old.csv"), text + "u0,i0,1,2024-03-01T00:00:00Z\n");
    train_.interactions = {dir_.File("old.csv")};
    train_.read.user_column = "who";
    train_.read.item_column = "what";
    train_.read.value_column = "much";
    train_.read.time_column = "at";
    train_.out = old_;
    train_.recipe.version = "7";
    train_.recipe.threads = 1;
  }
  ~UpdateTest() override { unsetenv("SOURCE_DATE_EPOCH"); }

  void Use(std::string_view name, std::string_view family,
           const std::vector<std::pair<std::string, std::string>>& parameters = {}) {
    SpaceRecipe recipe;
    recipe.name = name;
    recipe.family = *MakeFamily(family);
    ParameterList list;
    recipe.family->Describe(&list);
    for (const auto& [key, value] : parameters) ASSERT_TRUE(list.Set(key, value).ok()) << key;
    train_.recipe.spaces.push_back(recipe);
  }
  void TrainOld() {
    const auto trained = Train(train_, &silent_);
    ASSERT_TRUE(trained.ok()) << trained.status();
  }
  // `rows` after the header "who,what,much,at".
  absl::StatusOr<UpdateOutcome> Run(const std::string& rows, uint32_t min_events = 1) {
    WriteFile(dir_.File("new.csv"), "who,what,much,at\n" + rows);
    options_.bundle = old_;
    options_.min_events = min_events;
    options_.train.interactions = {dir_.File("new.csv")};
    options_.train.out = new_;
    const auto info = InspectBundle(old_);
    EXPECT_TRUE(info.ok()) << info.status();
    EXPECT_TRUE(RecallInput(*info, options_.force_refit, &options_.train).ok());
    return Update(options_, &silent_);
  }
  static std::shared_ptr<const Model> Load(const std::string& path) {
    auto model = Model::Load(path);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *model : nullptr;
  }
  static std::vector<float> UserRow(const Model& model, std::string_view space, std::string_view user) {
    const Space& found = *model.FindSpace(space);
    const auto row = model.users().Find(user);
    EXPECT_TRUE(row.has_value()) << user;
    if (!row) return {};
    const auto values = found.users.subspan(size_t{*row} * found.spec.dim, found.spec.dim);
    return {values.begin(), values.end()};
  }
  static std::vector<float> Fold(const Model& model, std::string_view space,
                                 const std::vector<std::pair<std::string, double>>& history) {
    const Space& found = *model.FindSpace(space);
    std::vector<ItemWeight> weights;
    for (const auto& [item, weight] : history) weights.push_back({*model.items().Find(item), weight});
    std::vector<float> out(found.spec.dim);
    FoldInScratch scratch;
    found.fold_in->Solve(weights, out, &scratch);
    return out;
  }
  static std::vector<std::string> SeenIds(const Model& model, std::string_view user) {
    std::vector<std::string> ids;
    for (uint32_t item : model.Seen(*model.users().Find(user))) ids.emplace_back(model.items().Id(item));
    return ids;
  }
  static nlohmann::json Training(const Model& model) {
    return nlohmann::json::parse(model.info().header.metadata.at(std::string(names::kTraining)));
  }

  TempDir dir_;
  const std::string old_ = dir_.File("old.safetensors"), new_ = dir_.File("new.safetensors");
  TrainOptions train_;
  UpdateOptions options_;
  Progress silent_{Progress::Mode::kSilent};
};

TEST_F(UpdateTest, UsersBecomeSevenTenthsOldAndThreeTenthsNew) {
  Use("a", "nmf", {{"factors", "3"}});
  Use("b", "svd", {{"factors", "4"}});
  TrainOld();
  const std::string before = ReadFile(old_);
  const auto outcome =
      Run("u3,i1,2,2024-03-02\n"
          "u3,i5,1,2024-03-03\n"
          "u3,i1,3,2024-03-04\n"
          "u3,i2,9,2024-02-20\n"  // not new
          "newcomer,i4,2,2024-03-02\n"
          "u4,nowhere,2,2024-03-05\n"
          "stranger,nowhere,2,2024-03-05\n"
          "stranger,neither,2,2024-03-05\n");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->nothing_done, "");
  EXPECT_EQ(outcome->counts.events, 7u);
  EXPECT_EQ(outcome->counts.unknown_item_events, 3u);
  EXPECT_EQ(outcome->counts.unknown_items, 2u);
  EXPECT_EQ(outcome->counts.users_updated, 1u);
  EXPECT_EQ(outcome->counts.users_added, 1u);
  EXPECT_TRUE(before == ReadFile(old_)) << "the old bundle is never edited";

  const auto was = Load(old_), is = Load(new_);
  ASSERT_TRUE(was != nullptr && is != nullptr);
  EXPECT_EQ(is->n_users(), was->n_users() + 1);
  EXPECT_FALSE(is->users().Find("stranger").has_value());
  for (const char* space : {"a", "b"}) {
    const auto trained = UserRow(*was, space, "u3"), fresh = Fold(*was, space, {{"i1", 5}, {"i5", 1}}),
               updated = UserRow(*is, space, "u3"), newcomer = UserRow(*is, space, "newcomer"),
               first = Fold(*was, space, {{"i4", 2}});
    double change = 0;
    for (size_t j = 0; j < trained.size(); ++j) {
      EXPECT_NEAR(updated[j], 0.7 * trained[j] + 0.3 * fresh[j], 1e-6) << space << j;
      EXPECT_EQ(newcomer[j], first[j]) << space << j;
      change = std::max<double>(change, std::abs(updated[j] - trained[j]));
    }
    EXPECT_GT(change, 1e-3);
    for (const char* other : {"u0", "u4"}) EXPECT_EQ(UserRow(*is, space, other), UserRow(*was, space, other));
    const auto items = was->FindSpace(space)->items, same = is->FindSpace(space)->items;
    EXPECT_TRUE(std::equal(items.begin(), items.end(), same.begin(), same.end()));
  }
  EXPECT_THAT(SeenIds(*is, "newcomer"), ElementsAre("i4"));
  auto expected = SeenIds(*was, "u3");
  for (const char* item : {"i1", "i5"}) {
    if (std::find(expected.begin(), expected.end(), item) == expected.end()) expected.emplace_back(item);
  }
  EXPECT_THAT(SeenIds(*is, "u3"), ::testing::UnorderedElementsAreArray(expected));
  // Popularity counts users.
  std::vector<float> counts(is->n_items(), 0.0f);
  for (uint32_t user = 0; user < is->n_users(); ++user) {
    for (uint32_t item : is->Seen(user)) counts[item] += 1;
  }
  EXPECT_TRUE(std::equal(counts.begin(), counts.end(), is->popularity().begin()));
}

TEST_F(UpdateTest, ABundleSaysWhatItIsAnUpdateOf) {
  Use("a", "nmf", {{"factors", "3"}});
  TrainOld();
  ASSERT_TRUE(Run("u1,i1,1,2024-03-02T00:00:00Z\nu2,nowhere,1,2024-03-03T00:00:00Z\n").ok());
  const auto first = Load(new_);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->version(), "7.1");
  const auto training = Training(*first);
  EXPECT_EQ(training["last_event_ms"], 1709424000000) << "2024-03-03, whether the item is known or not";
  EXPECT_EQ(training["update"]["from_version"], "7");
  EXPECT_EQ(training["update"]["events"], 2);
  EXPECT_EQ(training["spaces"]["a"]["family"], "nmf");

  // The next update starts from the new time.
  std::filesystem::rename(new_, old_);
  const auto again = Run("u1,i2,1,2024-03-03T00:00:00Z\n");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->nothing_done, HasSubstr("0 events are newer than 2024-03-03T00:00:00Z"));
  ASSERT_TRUE(Run("u1,i2,1,2024-03-03T00:00:01Z\n").ok());
  EXPECT_EQ(Load(new_)->version(), "7.2");
  options_.version = "spring";
  ASSERT_TRUE(Run("u1,i2,1,2024-03-03T00:00:01Z\n").ok());
  EXPECT_EQ(Load(new_)->version(), "spring");
  std::filesystem::rename(new_, old_);
  options_.version = "";
  ASSERT_TRUE(Run("u1,i2,1,2024-03-03T00:00:02Z\n").ok());
  EXPECT_EQ(Load(new_)->version(), "spring.1");
}

TEST_F(UpdateTest, TooFewNewEventsDoNothing) {
  Use("a", "nmf", {{"factors", "3"}});
  TrainOld();
  std::string rows = "u1,i1,1,2024-02-01\n";
  for (int i = 0; i < 99; ++i) rows += StrCat("u", i % 9, ",i", i % 7, ",1,2024-03-02\n");
  const auto outcome = Run(rows, 100);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->nothing_done, HasSubstr("99 events are newer than 2024-03-01T00:00:00Z"));
  EXPECT_THAT(outcome->nothing_done, HasSubstr("at least 100 (--min-events)"));
  EXPECT_FALSE(outcome->pack.has_value());
  EXPECT_THAT(ListDirectory(dir_.path()), UnorderedElementsAre("old.csv", "new.csv", "old.safetensors"));
  const auto enough = Run(rows + "u1,i1,1,2024-03-02\n", 100);
  ASSERT_TRUE(enough.ok()) << enough.status();
  EXPECT_EQ(enough->nothing_done, "");
  EXPECT_EQ(enough->counts.events, 100u);
}

TEST_F(UpdateTest, OnlyUnknownItemsDoNothing) {
  Use("a", "nmf", {{"factors", "3"}});
  TrainOld();
  const auto outcome = Run("u1,x,1,2024-03-02\nu2,y,1,2024-03-02\n");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->nothing_done, HasSubstr("all 2 new events are of items that the bundle does not have"));
  EXPECT_FALSE(std::filesystem::exists(new_));
}

TEST_F(UpdateTest, WithoutTimesItSaysSo) {
  Use("a", "nmf", {{"factors", "3"}});
  TrainOld();
  options_.train.read.time_column = "";
  WriteFile(dir_.File("new.csv"), "who,what\nu1,i1\n");
  options_.bundle = old_;
  options_.train.interactions = {dir_.File("new.csv")};
  options_.train.out = new_;
  options_.train.read.user_column = "who";
  options_.train.read.item_column = "what";
  const auto events = Update(options_, &silent_);
  EXPECT_TRUE(absl::IsFailedPrecondition(events.status()));
  EXPECT_THAT(std::string(events.status().message()), HasSubstr("name --time-column, or --force-refit"));

  train_.read.time_column = std::string(kNoColumn);
  TrainOld();
  const auto bundle = Update(options_, &silent_);
  EXPECT_TRUE(absl::IsFailedPrecondition(bundle.status()));
  EXPECT_THAT(std::string(bundle.status().message()), HasSubstr("old.safetensors: does not say when"));
  EXPECT_FALSE(std::filesystem::exists(new_));
}

TEST_F(UpdateTest, RefusesToEditAndToStartFromNothing) {
  Use("a", "nmf", {{"factors", "3"}});
  TrainOld();
  options_.bundle = options_.train.out = old_;
  EXPECT_THAT(std::string(Update(options_, &silent_).status().message()), HasSubstr("which is never edited"));
  options_.train.out = new_;
  options_.bundle = dir_.File("none.safetensors");
  const auto missing = Update(options_, &silent_).status();
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("kindred train"));
}

TEST_F(UpdateTest, ASpaceThatFoldsInWhatUsersHaveGetsTheirNewItems) {
  Use("item_cosine", "item_cosine");
  TrainOld();
  const auto outcome = Run("u3,i1,2,2024-03-02\nu3,i1,3,2024-03-04\nnewcomer,i4,2,2024-03-02\n");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto was = Load(old_), is = Load(new_);
  ASSERT_TRUE(was != nullptr && is != nullptr);
  const auto weight = [](const Model& model, std::string_view user, std::string_view item) {
    const uint32_t row = *model.users().Find(user), wanted = *model.items().Find(item);
    for (size_t i = 0; i < model.Seen(row).size(); ++i) {
      if (model.Seen(row)[i] == wanted) return model.SeenWeights(row)[i];
    }
    return 0.0f;
  };
  EXPECT_EQ(weight(*is, "u3", "i1"), weight(*was, "u3", "i1") + 5);
  EXPECT_EQ(weight(*is, "newcomer", "i4"), 2);
  for (uint32_t item = 0; item < was->n_items(); ++item) {
    const std::string id(was->items().Id(item));
    EXPECT_EQ(weight(*is, "u5", id), weight(*was, "u5", id));
  }
  SubjectView subject;
  subject.user_id = "newcomer";
  RecommendOptions options;
  options.k = 3;
  EngineScratch scratch;
  RecommendResult result;
  ASSERT_TRUE(Recommender(*is).Recommend(subject, options, &scratch, &result).ok());
  EXPECT_EQ(result.source, AnswerSource::kTrainedVector);
}

TEST_F(UpdateTest, ListsMadeBeforeStayTheirUsers) {
  Use("svd", "svd", {{"factors", "3"}});
  TrainOld();
  {
    const auto old = Load(old_);
    ASSERT_NE(old, nullptr);
    TensorMap tensors = old->tensors();
    std::vector<int64_t> offsets(size_t{old->n_users()} + 1, 2);
    offsets[0] = 0;
    const auto at = OwnedTensor::Copy<int64_t>("users.recommendations.offsets", {offsets.size()}, offsets);
    const auto items = OwnedTensor::Copy<uint32_t>("users.recommendations.values", {2}, std::vector<uint32_t>{5, 2});
    const auto scores = OwnedTensor::Copy<float>("users.recommendations.weights", {2}, std::vector<float>{2, 1});
    for (const OwnedTensor* tensor : {&at, &items, &scores}) tensors.emplace(tensor->name, tensor->view());
    ASSERT_TRUE(WriteBundle(dir_.File("lists.safetensors"), tensors, old->info().header.metadata).ok());
  }
  std::filesystem::rename(dir_.File("lists.safetensors"), old_);
  const auto outcome = Run("u1,i0,1,2024-03-02\nnewcomer,i1,1,2024-03-02\n");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto model = Load(new_);
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(model->Recommendations(0).items, ElementsAre(5, 2));
  EXPECT_THAT(model->Recommendations(0).scores, ElementsAre(2, 1));
  for (uint32_t user = 1; user < model->n_users(); ++user) EXPECT_TRUE(model->Recommendations(user).empty()) << user;
}

TEST_F(UpdateTest, AForcedRefitIsTheTrainingOfTheEventsGiven) {
  Use("a", "nmf", {{"factors", "3"}, {"alpha", "0.25"}});
  train_.recipe.spaces[0].prior_weight = 0.5;
  train_.recipe.aggregation = Aggregation::kMax;
  train_.recipe.model = "shop";
  train_.read.min_user_items = 2;
  TrainOld();
  std::string rows;
  std::mt19937 generator(9);
  for (int row = 0; row < 200; ++row) {
    rows += StrCat("v", generator() % 9, ",j", generator() % 8, ",", 1 + generator() % 5, ",2023-01-01\n");
  }
  rows += "lonely,j1,1,2023-01-01\n";
  options_.force_refit = true;
  options_.train.recipe.threads = 1;
  const auto outcome = Run(rows, 1'000'000);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->refitted);
  const auto refit = Load(new_);
  ASSERT_NE(refit, nullptr);
  EXPECT_EQ(refit->version(), "7.1");
  EXPECT_EQ(refit->name(), "shop");
  EXPECT_EQ(refit->n_users(), 9u) << "the core of the training: users of one item are left out";
  const SpaceSpec& spec = refit->info().spaces.at("a");
  EXPECT_EQ(spec.fold_in_lambda, 0.25);
  EXPECT_EQ(spec.prior_weight, 0.5);
  // By hand: the same training on the new file.
  train_.interactions = {dir_.File("new.csv")};
  train_.out = dir_.File("hand.safetensors");
  TrainOld();
  const auto hand = Load(train_.out);
  ASSERT_NE(hand, nullptr);
  const auto expected = hand->FindSpace("a")->users, found = refit->FindSpace("a")->users;
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found.begin(), found.end()));
}

TEST_F(UpdateTest, ABundleThatRemembersNothingCannotBeRefitted) {
  Use("a", "nmf", {{"factors", "3"}});
  TrainOld();
  ASSERT_TRUE(PackFile(old_, new_, {{std::string(names::kTraining), "{}"}}).ok());
  std::filesystem::rename(new_, old_);
  options_.force_refit = true;
  const auto outcome = Run("u1,i1,1,2024-03-02\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(outcome.status()));
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("does not remember how it was trained"));
}

}  // namespace
}  // namespace kindred
