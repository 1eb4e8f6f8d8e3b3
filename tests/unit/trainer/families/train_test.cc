#include "trainer/families/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/model.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::ListDirectory;
using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrainTest : public ::testing::Test {
 protected:
  TrainTest() {
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    options_.interactions = {events_};
    options_.out = dir_.File("bundle.safetensors");
  }
  ~TrainTest() override { unsetenv("SOURCE_DATE_EPOCH"); }

  // 40 users of 30 items in two tastes, with repeated rows.
  void WriteEvents() {
    std::mt19937 generator(7);
    std::string text = "user_id,item_id,rating\n";
    for (int row = 0; row < 900; ++row) {
      const int user = static_cast<int>(generator() % 40);
      const int item = static_cast<int>(generator() % 15) + (user % 2) * 15;
      text +=
          "u" + std::to_string(user) + ",i" + std::to_string(item) + "," + std::to_string(1 + generator() % 4) + "\n";
    }
    WriteFile(events_, text);
  }
  absl::StatusOr<TrainOutcome> Run() {
    Progress silent(Progress::Mode::kSilent);
    return Train(options_, &silent);
  }
  std::shared_ptr<const Model> Load() {
    auto model = Model::Load(options_.out);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *model : nullptr;
  }

  // Every trained user is what serving makes of the same history.
  void ExpectUsersAreTheirFoldIns(double tolerance) {
    ASSERT_TRUE(Run().ok());
    const auto model = Load();
    ASSERT_NE(model, nullptr);
    Progress silent(Progress::Mode::kSilent);
    const auto read = ReadTrainingInput(options_, &silent);
    ASSERT_TRUE(read.ok()) << read.status();
    const SparseMatrix values = AggregateEvents(read->events.log, {}).values;
    const Space& space = model->default_space();
    const uint32_t d = space.spec.dim;
    FoldInScratch scratch;
    for (uint32_t user = 0; user < values.rows; ++user) {
      std::vector<ItemWeight> history;
      for (int64_t p = values.offsets[user]; p < values.offsets[user + 1]; ++p) {
        history.push_back({values.indices[p], values.values[p]});
      }
      std::vector<float> u(d);
      space.fold_in->Solve(history, u, &scratch);
      double norm = 0;
      for (uint32_t j = 0; j < d; ++j) norm = std::max<double>(norm, std::abs(space.users[user * d + j]));
      for (uint32_t j = 0; j < d; ++j) {
        EXPECT_NEAR(u[j], space.users[user * d + j], tolerance * norm) << "user " << user << ", factor " << j;
      }
    }
  }

  void ExpectFails(const std::string& text, const std::string& part) {
    WriteFile(events_, text);
    const auto report = Run();
    ASSERT_FALSE(report.ok()) << text;
    EXPECT_THAT(report.status().message(), HasSubstr(part));
    EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("events.csv")) << "nothing is left behind";
  }

  // One space of `family` with some of its parameters set.
  void Use(std::string_view family, const std::vector<std::pair<std::string, std::string>>& parameters) {
    SpaceRecipe recipe;
    recipe.name = kCollaborativeSpace;
    recipe.family = *MakeFamily(family);
    ParameterList list;
    recipe.family->Describe(&list);
    for (const auto& [name, value] : parameters) ASSERT_TRUE(list.Set(name, value).ok()) << name;
    options_.recipe.spaces = {recipe};
  }
  nlohmann::json Figures(const TrainOutcome& outcome) {
    return nlohmann::json::parse(outcome.train.spaces.at(std::string(kCollaborativeSpace)));
  }

  TempDir dir_;
  const std::string events_ = dir_.File("events.csv");
  TrainOptions options_;
};

TEST_F(TrainTest, SvdUsersAreTheirFoldIns) {
  WriteEvents();
  Use("svd", {{"factors", "6"}});
  ExpectUsersAreTheirFoldIns(1e-5);
}

TEST_F(TrainTest, NmfUsersAreTheirFoldIns) {
  WriteEvents();
  for (const double alpha : {0.0, 0.5}) {
    Use("nmf", {{"factors", "4"}, {"alpha", StrCat(alpha)}});
    ExpectUsersAreTheirFoldIns(1e-6);
  }
}

TEST_F(TrainTest, AlsUsersAreTheirFoldIns) {
  WriteEvents();
  for (const char* alpha : {"0.5", "20"}) {
    Use("als", {{"factors", "7"}, {"alpha", alpha}});
    ExpectUsersAreTheirFoldIns(1e-6);
    const auto model = Load();
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->default_space().spec.fold_in, FoldIn::kImplicit);
    EXPECT_EQ(model->default_space().spec.fold_in_alpha, std::stod(alpha));
  }
}

TEST_F(TrainTest, AlsPrefersItemsOfTheUsersTaste) {
  WriteEvents();
  Use("als", {{"factors", "4"}, {"regularization", "1"}, {"alpha", "5"}});
  ASSERT_TRUE(Run().ok());
  const auto model = Load();
  ASSERT_NE(model, nullptr);
  const Space& space = model->default_space();
  // Taste is in the id: an odd user's items are i15 to i29.
  double own = 0, foreign = 0;
  for (uint32_t user = 0; user < model->users().size(); ++user) {
    const bool odd = (model->users().Id(user).back() - '0') % 2 == 1;
    for (uint32_t item = 0; item < model->items().size(); ++item) {
      const bool upper = std::stoi(std::string(model->items().Id(item).substr(1))) >= 15;
      double score = 0;
      for (uint32_t j = 0; j < space.spec.dim; ++j) {
        score += space.users[user * space.spec.dim + j] * space.items[item * space.spec.dim + j];
      }
      (odd == upper ? own : foreign) += score;
    }
  }
  EXPECT_GT(own, 5 * std::abs(foreign));
}

TEST_F(TrainTest, MfUsersAreTheirFoldInsAndScoresAreRatings) {
  WriteEvents();
  Use("mf", {{"factors", "3"}, {"regularization", "2"}, {"bias_regularization", "0.5"}});
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ExpectUsersAreTheirFoldIns(1e-5);
  const auto model = Load();
  ASSERT_NE(model, nullptr);
  const Space& space = model->default_space();
  EXPECT_EQ(space.spec.fold_in, FoldIn::kObserved);
  EXPECT_EQ(space.spec.dim, 5u);
  // The users of the bundle are solved against its items, so they fit at least as well as those of the training.
  Progress silent(Progress::Mode::kSilent);
  const auto read = ReadTrainingInput(options_, &silent);
  ASSERT_TRUE(read.ok()) << read.status();
  const SparseMatrix values = AggregateEvents(read->events.log, {}).values;
  double squared = 0;
  for (uint32_t user = 0; user < values.rows; ++user) {
    for (int64_t p = values.offsets[user]; p < values.offsets[user + 1]; ++p) {
      double score = 0;
      for (uint32_t j = 0; j < 5; ++j) score += space.users[user * 5 + j] * space.items[values.indices[p] * 5 + j];
      squared += (score - values.values[p]) * (score - values.values[p]);
    }
  }
  EXPECT_NEAR(std::sqrt(squared / static_cast<double>(values.nnz())), Figures(*outcome)["rmse"].get<double>(), 0.01);
}

TEST_F(TrainTest, SvdScoresReconstructTheValues) {
  WriteEvents();
  Use("svd", {{"factors", "29"}});
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  // 29 of at most 30 factors leave little out.
  EXPECT_LT(Figures(*report)["relative_error"].get<double>(), 0.1);
  EXPECT_EQ(Load()->default_space().spec.fold_in, FoldIn::kRidge);
}

TEST_F(TrainTest, BundleSaysHowItWasMade) {
  WriteEvents();
  WriteFile(dir_.File("items.csv"), "item_id,name,dept\ni0,Tea,HOT\ni1,Milk,COLD\n");
  options_.items = dir_.File("items.csv");
  options_.item_table.name_column = "name";
  options_.item_table.category_columns = {"dept"};
  Use("nmf", {{"factors", "3"}, {"alpha", "0.25"}});
  options_.recipe.spaces[0].prior_weight = 0.5;
  options_.recipe.model = "shop";
  options_.recipe.version = "7";
  ASSERT_TRUE(Run().ok());
  const auto model = Load();
  ASSERT_NE(model, nullptr);
  const BundleInfo& info = model->info();
  EXPECT_EQ(info.model, "shop");
  EXPECT_EQ(info.version, "7");
  EXPECT_EQ(info.source, "events.csv");
  EXPECT_EQ(info.created_at, "2023-11-14T22:13:20Z");
  const SpaceSpec& spec = info.spaces.at("collaborative");
  EXPECT_EQ(spec.family, "nmf");
  EXPECT_EQ(spec.fold_in, FoldIn::kNnls);
  EXPECT_EQ(spec.fold_in_lambda, 0.25);
  EXPECT_EQ(spec.transform, ValueTransform::kLog1p);
  EXPECT_EQ(spec.prior_weight, 0.5);
  const auto training = nlohmann::json::parse(info.header.metadata.at("kindred.training"));
  EXPECT_EQ(training["data"]["rows_read"], 900);
  EXPECT_EQ(training["spaces"]["collaborative"]["parameters"]["alpha"], 0.25);
  EXPECT_EQ(training["data"]["value_column"], "rating");
  EXPECT_FALSE(training["spaces"]["collaborative"].contains("seconds")) << "the same bytes, however fast";
  const uint32_t tea = *model->items().Find("i0");
  EXPECT_EQ(model->ItemName(tea), "Tea");
  ASSERT_EQ(model->ItemCategories(tea).size(), 1u);
  EXPECT_EQ(model->categories().Id(model->ItemCategories(tea)[0]), "dept:HOT");
}

TEST_F(TrainTest, SameInputAndSeedGiveTheSameBytes) {
  WriteEvents();
  for (const bool nmf : {false, true}) {
    std::string first;
    for (const int threads : {1, 1, 2}) {
      options_.recipe.threads = threads;
      if (nmf) {
        Use("nmf", {{"factors", "4"}});
      } else {
        Use("svd", {{"factors", "4"}});
      }
      ASSERT_TRUE(Run().ok());
      if (first.empty()) first = ReadFile(options_.out);
      EXPECT_TRUE(first == ReadFile(options_.out)) << (nmf ? "nmf" : "svd") << ", " << threads << " threads";
    }
  }
}

TEST_F(TrainTest, HostileInputsLeaveNothingBehind) {
  Use("svd", {{"factors", "4"}});
  ExpectFails("", "is empty");
  ExpectFails("user_id,item_id\n", "no interaction");
  ExpectFails("user_id,item_id\nu,a\n", "too small: 1 users × 1 items");
  ExpectFails("user_id,item_id\nu,a\nu,b\n", "too small: 1 users × 2 items");
  ExpectFails("user_id,item_id\nu,a\nv,a\n", "too small: 2 users × 1 items");
  ExpectFails("user_id,item_id,rating\nu,a,nan\n", "line 2, column 'rating'");
  Use("nmf", {{"factors", "4"}, {"transform", "identity"}});
  ExpectFails("user_id,item_id,rating\nu,a,1\nu,b,-1\n", "line 3, column 'rating'");
  ExpectFails("user_id,item_id,rating\nu,a,1e300\nv,b,1e300\n", "too large");
  options_.out = dir_.File("no/such/bundle.st");
  ExpectFails("user_id,item_id\nu,a\nv,b\n", "there is no folder");
}

TEST_F(TrainTest, SeveralSpacesShareOneReading) {
  WriteEvents();
  Use("svd", {{"factors", "4"}});
  SpaceRecipe second = options_.recipe.spaces[0];
  second.name = "traits";
  second.family = *MakeFamily("nmf");
  options_.recipe.spaces.push_back(second);
  options_.recipe.default_space = "traits";
  ASSERT_TRUE(Run().ok());
  const auto model = Load();
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->spaces().size(), 2u);
  EXPECT_EQ(model->default_space().name, "traits");
  EXPECT_EQ(model->FindSpace("collaborative")->spec.family, "svd");
}

TEST_F(TrainTest, RecipesThatMakeNoSenseAreRefused) {
  Use("svd", {});
  const std::string events = "user_id,item_id\nu,a\nv,b\n";
  options_.recipe.default_space = "other";
  ExpectFails(events, "default space 'other' is none of collaborative");
  options_.recipe.default_space = "";
  options_.recipe.spaces[0].weights.half_life_days = 3;
  ExpectFails(events, "half_life_days needs times");
  options_.recipe.spaces[0].weights.half_life_days = 0;
  options_.recipe.prior_half_life_days = 3;
  ExpectFails(events, "prior_half_life_days needs times");
  options_.recipe.prior_half_life_days = 0;
  options_.recipe.blend = BlendRecipe{.parts = {{"als", 1}}};
  ExpectFails(events, "space 'als', which the recipe does not train");
  options_.recipe.blend.reset();
  options_.recipe.spaces.push_back(options_.recipe.spaces[0]);
  ExpectFails(events, "stands twice");
}

TEST_F(TrainTest, ItemsThatNobodyTouchedMayJoinTheCatalogue) {
  WriteEvents();
  WriteFile(dir_.File("items.csv"), "item_id,name,about\ni0,Tea,green leaf\nnew,Green tea,green leaf\n");
  options_.items = dir_.File("items.csv");
  options_.item_table.text_columns = {"about"};
  options_.untouched_items = true;
  Use("content", {{"dims", "2"}});
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(Load()->items().Find("new").has_value());
}

TEST_F(TrainTest, BlendIsTheDefaultAndHasItsPartsDimensions) {
  WriteEvents();
  Use("svd", {{"factors", "4"}});
  SpaceRecipe second = options_.recipe.spaces[0];
  second.name = "traits";
  second.family = *MakeFamily("nmf");
  ParameterList list;
  second.family->Describe(&list);
  ASSERT_TRUE(list.Set("factors", "3").ok());
  options_.recipe.spaces.push_back(second);
  options_.recipe.blend = BlendRecipe{.parts = {{"collaborative", 1}, {"traits", 0.5}}};
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  const auto model = Load();
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->default_space().name, "hybrid");
  EXPECT_EQ(model->default_space().spec.dim, 7u);
}

TEST_F(TrainTest, RecentUsersCountMoreInThePrior) {
  WriteFile(events_,
            "user_id,item_id,timestamp\nu,old,2020-01-01\nv,old,2020-01-01\nu,new,2020-03-01\nw,b,2020-02-29\n");
  Use("nmf", {{"factors", "2"}});
  options_.recipe.prior_half_life_days = 10;
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  const auto model = Load();
  const auto prior = TensorOrEmpty<float>(model->tensors(), names::kItemPrior);
  EXPECT_EQ(prior[*model->items().Find("new")], 1.0f);
  // Sixty days are six half-lives: 2 users weigh 2/64.
  EXPECT_NEAR(prior[*model->items().Find("old")], std::log1p(2.0 / 64) / std::log1p(1.0), 1e-6);
}

TEST_F(TrainTest, NmfTrainsOnOneUser) {
  WriteFile(events_, "user_id,item_id\nu,a\nu,b\nu,b\n");
  Use("nmf", {{"factors", "4"}});
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->train.notes, ElementsAre(HasSubstr("4 factors asked for, 1 taken")));
}

TEST_F(TrainTest, AllEqualValuesTrain) {
  std::string text = "user_id,item_id\n";
  for (int u = 0; u < 5; ++u) {
    for (int i = 0; i < 4; ++i) text += std::to_string(u) + "," + std::to_string(i) + "\n";
  }
  WriteFile(events_, text);
  Use("svd", {{"factors", "3"}});
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->train.notes, ElementsAre(HasSubstr("rank 1")));
}

}  // namespace
}  // namespace kindred
