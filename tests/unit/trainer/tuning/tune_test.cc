#include "trainer/tuning/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fstream>
#include <random>

#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::ListDirectory;
using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;

// 60 users of two tastes, 15 items each: their first items train, the next are validation, the last test.
class TuneTest : public ::testing::Test {
 protected:
  TuneTest() {
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    std::mt19937 generator(3);
    std::string parts[3] = {"user_id,item_id,rating\n", "user_id,item_id,rating\n", "user_id,item_id,rating\n"};
    for (int user = 0; user < 60; ++user) {
      std::vector<int> items(20);
      for (int i = 0; i < 20; ++i) items[i] = i < 15 ? i + user % 2 * 15 : static_cast<int>(generator() % 30);
      std::shuffle(items.begin(), items.begin() + 15, generator);
      for (int i = 0; i < 15; ++i) {
        parts[i < 9    ? 0
              : i < 12 ? 1
                       : 2] += "u" + std::to_string(user) + ",i" + std::to_string(items[i]) + "," +
                               std::to_string(1 + generator() % 4) + "\n";
      }
    }
    WriteFile(train_, parts[0]);
    WriteFile(valid_, parts[1]);
    WriteFile(test_, parts[2]);
    options_.folder = dir_.File("tuning");
    options_.valid = {valid_};
    options_.test = {test_};
    SetFamily("svd");
  }
  ~TuneTest() override { unsetenv("SOURCE_DATE_EPOCH"); }

  void SetFamily(std::string_view family) {
    options_.train = {};
    options_.train.interactions = {train_};
    options_.train.out = dir_.File("bundle.safetensors");
    options_.train.recipe.threads = 1;
    SpaceRecipe space;
    space.name = family;
    space.family = *MakeFamily(family);
    options_.train.recipe.spaces.push_back(std::move(space));
  }
  void SetGrid(std::vector<std::string> axes) {
    options_.grid.clear();
    for (const std::string& text : axes) options_.grid.push_back(*ParseGridAxis(text));
  }
  absl::StatusOr<TuneOutcome> Run() {
    Progress progress(Progress::Mode::kPlain, [this](std::string_view line) { said_ += line; });
    said_.clear();
    return Tune(options_, &progress);
  }
  std::string Error() { return std::string(Run().status().message()); }
  std::string TuneJson() { return ReadFile(options_.folder + "/tune.json"); }

  TempDir dir_;
  std::string train_ = dir_.File("train.csv"), valid_ = dir_.File("valid.csv"), test_ = dir_.File("test.csv");
  TuneOptions options_;
  std::string said_;
};

TEST_F(TuneTest, RunsTheGridChoosesTrainsAgainAndTests) {
  SetGrid({"factors=1,2,8", "transform=identity,binary"});
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  TuneResults results = outcome->results;
  EXPECT_THAT(results.parameters, ElementsAre("factors", "transform"));
  EXPECT_THAT(results.size_parameters, ElementsAre("factors"));
  ASSERT_THAT(results.runs, SizeIs(6));
  for (const TriedRun& run : results.runs) {
    EXPECT_EQ(run.status, "done") << run.why;
    EXPECT_GT(MetricOf(*run.valid, "ndcg@10"), 0.3) << "within the two tastes";
  }
  ASSERT_TRUE(results.chosen && results.valid);
  EXPECT_THAT(said_, HasSubstr("run 6 of 6: factors=8, transform=binary: NDCG@10"));
  EXPECT_THAT(ListDirectory(options_.folder), IsSupersetOf({"tune.csv", "tune.json"}));
  EXPECT_THAT(ListDirectory(options_.folder), Not(::testing::Contains("run.safetensors")));

  // What was varied is put back.
  ParameterList parameters;
  options_.train.recipe.spaces[0].family->Describe(&parameters);
  EXPECT_EQ(parameters.Find("factors")->get(), "50");

  Progress silent(Progress::Mode::kSilent);
  const auto chosen = ChosenOptions(options_, results, true);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_THAT(chosen->interactions, ElementsAre(train_, valid_));
  const auto trained = Train(*chosen, &silent);
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->pack.info.spaces.find("svd")->second.dim, std::stoul(results.runs[*results.chosen].values[0]));
  ASSERT_TRUE(FinishTuning(options_, *chosen, &results, &silent).ok());
  ASSERT_TRUE(results.test);
  EXPECT_GT(MetricOf(*results.test, "ndcg@10"), 0.3);
  EXPECT_EQ(results.test->test_rows, 180u);
  EXPECT_EQ(results.test->seen_items, 0u);
  const auto read = ParseTuneResults(TuneJson());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->test.has_value());
  EXPECT_EQ(read->bundle, options_.train.out);
}

TEST_F(TuneTest, WithoutAGridTheSizesOfTheRequirementAndSkipsWhatTheDataDoesNotCarry) {
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_THAT(outcome->results.runs, SizeIs(6));
  for (size_t i = 0; i < 6; ++i) {
    const TriedRun& run = outcome->results.runs[i];
    EXPECT_EQ(run.values[0], kDefaultSizes[i]);
    EXPECT_EQ(run.status, i < 2 ? "done" : "skipped") << run.values[0] << " of 30 items";
    EXPECT_THAT(run.why, HasSubstr(i < 2 ? "" : "carries only 29 of factors=" + run.values[0]));
  }
}

TEST_F(TuneTest, GoesOnWhereItWasAndGrows) {
  SetGrid({"factors=2,4"});
  ASSERT_TRUE(Run().ok());
  const std::string before = TuneJson();
  const auto again = Run();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->reused, 2u);
  EXPECT_EQ(TuneJson(), before) << "nothing is run again, to the second that it took";

  SetGrid({"factors=4,8", "prior_weight=0.5"});
  const auto grown = Run();
  ASSERT_TRUE(grown.ok()) << grown.status();
  EXPECT_EQ(grown->reused, 0u) << "of another prior weight";
  ASSERT_THAT(grown->results.runs, SizeIs(4));
  EXPECT_EQ(grown->results.runs[0].values[1], "0.01") << "what it was when it was not varied";
  EXPECT_THAT(grown->results.runs[3].values, ElementsAre("8", "0.5"));
  EXPECT_TRUE(grown->results.runs[0].valid.has_value());
}

TEST_F(TuneTest, AnInterruptedTuningKeepsWhatWasDone) {
  SetGrid({"factors=2,4,8"});
  ASSERT_TRUE(Run().ok());
  // As if it had been killed after the first run.
  auto results = ParseTuneResults(TuneJson());
  ASSERT_TRUE(results.ok());
  const TriedRun first = results->runs[0];
  results->runs.resize(1);
  results->best = results->chosen = 0;
  WriteFile(options_.folder + "/tune.json", TuneResultsJson(*results));
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->reused, 1u);
  EXPECT_EQ(outcome->results.runs[0].seconds, first.seconds);
  EXPECT_THAT(outcome->results.runs, SizeIs(3));
  EXPECT_THAT(said_, AllOf(HasSubstr("1 of 3 runs are in"), HasSubstr("run 2 of 2")));
}

TEST_F(TuneTest, AnotherTuningInTheFolderIsRefusedAndSaysWhatDiffers) {
  SetGrid({"factors=2,4"});
  ASSERT_TRUE(Run().ok());
  options_.evaluate.negatives = 9;
  EXPECT_THAT(Error(), AllOf(HasSubstr("evaluation.negatives was 0 and is 9"), HasSubstr("--restart")));
  options_.evaluate.negatives = 0;
  WriteFile(valid_, ReadFile(valid_) + "u1,i29,3\n");
  EXPECT_THAT(Error(), HasSubstr("files.valid.0 was \"xxh128:"));
  options_.restart = true;
  EXPECT_TRUE(Run().ok());
  options_.restart = false;
  EXPECT_TRUE(Run().ok());
  WriteFile(options_.folder + "/tune.json", "{");
  EXPECT_THAT(Error(), AllOf(HasSubstr("tune.json: not JSON"), HasSubstr("--restart")));
}

TEST_F(TuneTest, ARunThatCannotBeTrainedFailsAndTheOthersGoOn) {
  SetFamily("als");
  SetGrid({"factors=4", "half_life_days=0,7"});
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->results.runs[0].status, "done");
  EXPECT_EQ(outcome->results.runs[1].status, "failed");
  EXPECT_THAT(outcome->results.runs[1].why, HasSubstr("needs times"));
  SetGrid({"half_life_days=7"});
  options_.restart = true;
  EXPECT_THAT(Error(), AllOf(HasSubstr("no run came to a figure"), HasSubstr("needs times")));
}

TEST_F(TuneTest, ParametersOfSeveralSpacesAndTheirBlend) {
  SetFamily("svd");
  SpaceRecipe als;
  als.name = "als";
  als.family = *MakeFamily("als");
  options_.train.recipe.spaces.push_back(std::move(als));
  options_.train.recipe.blend = BlendRecipe{.parts = {{"svd", 1.0}, {"als", 1.0}}};
  SetGrid({"svd.factors=2,4", "als.factors=4", "blend.als=0,2"});
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->results.runs, SizeIs(4));
  EXPECT_EQ(outcome->results.family, "hybrid");
  EXPECT_EQ(outcome->results.space, "hybrid");
  EXPECT_THAT(outcome->results.size_parameters, ElementsAre("svd.factors", "als.factors"));
  const auto chosen = ChosenOptions(options_, outcome->results, false);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(std::to_string(static_cast<int>(chosen->recipe.blend->parts[1].second)),
            outcome->results.runs[*outcome->results.chosen].values[2]);
  EXPECT_THAT(chosen->interactions, ElementsAre(train_));
}

TEST_F(TuneTest, ErrorsComeBeforeAnythingIsTrained) {
  SetGrid({"factors=2,x"});
  EXPECT_THAT(Error(), HasSubstr("grid: factors: found 'x'"));
  SetGrid({"facters=2"});
  EXPECT_THAT(Error(), AllOf(HasSubstr("unknown parameter 'facters'"), HasSubstr("factors")));
  SetGrid({"factors=2"});
  options_.metric = "auc";
  EXPECT_THAT(Error(), HasSubstr("metric: found 'auc'"));
  options_.metric = "ndcg@10";
  options_.rule = 0;
  EXPECT_THAT(Error(), HasSubstr("rule: found 0"));
  options_.rule = 0.98;
  options_.valid = {train_};
  EXPECT_THAT(Error(), HasSubstr("two of training, validation and test"));
  options_.valid = {dir_.File("gone.csv")};
  EXPECT_TRUE(absl::IsNotFound(Run().status()));
  options_.valid = {};
  EXPECT_THAT(Error(), HasSubstr("no validation events"));
  options_.valid = {valid_};
  SetFamily("popular");
  options_.grid.clear();
  EXPECT_THAT(Error(), HasSubstr("no size to vary"));
  EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("test.csv", "train.csv", "valid.csv"));
}

// It was left behind, with nothing but a lock in it.
TEST_F(TuneTest, DataThatCannotBeReadLeavesNoFolder) {
  SetGrid({"factors=2"});
  const std::string good = ReadFile(valid_);
  const auto expect_nothing = [&] {
    EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("test.csv", "train.csv", "valid.csv"));
  };
  for (const std::string folder : {"tuning", "a/b/../c/tuning/"}) {
    options_.folder = dir_.File(folder);
    for (const std::string& bad : {std::string("user_id,item_id,rating\n"), std::string("user,item_id\nu1,i1\n"),
                                   std::string(), good + "u1,i2,three\n"}) {
      WriteFile(valid_, bad);
      EXPECT_FALSE(Run().ok());
      expect_nothing();
    }
    // Read, and then of no use: nobody in it is known.
    WriteFile(valid_, "user_id,item_id,rating\nnobody,nothing,1\n");
    EXPECT_FALSE(Run().ok());
    expect_nothing();
    WriteFile(valid_, good);
  }
  // A folder that was there stays, and so does what is in it.
  options_.folder = dir_.File("tuning");
  ASSERT_EQ(mkdir(options_.folder.c_str(), 0755), 0);
  WriteFile(valid_, "user_id,item_id,rating\n");
  EXPECT_FALSE(Run().ok());
  EXPECT_THAT(ListDirectory(options_.folder), ::testing::IsEmpty());
  WriteFile(options_.folder + "/notes", "mine");
  EXPECT_FALSE(Run().ok());
  EXPECT_THAT(ListDirectory(options_.folder), ::testing::Contains("notes"));
  WriteFile(valid_, good);
  EXPECT_TRUE(Run().ok());
  const std::string kept = TuneJson();
  WriteFile(valid_, "user_id,item_id,rating\n");
  EXPECT_FALSE(Run().ok());
  EXPECT_EQ(TuneJson(), kept) << "what an earlier tuning kept";
}

TEST_F(TuneTest, AMetricThatTheModelDoesNotHaveIsAnError) {
  SetFamily("als");
  SetGrid({"factors=4"});
  options_.metric = "rmse";
  EXPECT_THAT(Error(), HasSubstr("predicts no values"));
  SetFamily("mf");
  options_.restart = true;
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_GT(MetricOf(*outcome->results.valid, "rmse"), 0);
}

TEST_F(TuneTest, TheMetricsOwnKIsMeasured) {
  SetGrid({"factors=2"});
  options_.metric = "recall@7";
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_GT(MetricOf(*outcome->results.valid, "recall@7"), 0);
}

TEST_F(TuneTest, WhatAKilledTuningLeftIsRemoved) {
  SetGrid({"factors=2"});
  ASSERT_TRUE(Run().ok());
  for (const char* left : {"/.tune.csv.12.0.tmp", "/.tune.json.12.0.tmp", "/.run.safetensors.12.0.tmp"}) {
    WriteFile(options_.folder + left, "x");
  }
  SetGrid({"factors=2,4"});
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ListDirectory(options_.folder), ElementsAre(".lock", "tune.csv", "tune.json"));
}

TEST_F(TuneTest, OneTuningAtATimeInAFolder) {
  SetGrid({"factors=2"});
  ASSERT_TRUE(Run().ok());
  const int file = open((options_.folder + "/.lock").c_str(), O_RDWR);
  ASSERT_EQ(flock(file, LOCK_EX | LOCK_NB), 0);
  EXPECT_THAT(Error(), HasSubstr("another kindred tune is at work"));
  close(file);
  EXPECT_TRUE(Run().ok());
  options_.folder = train_ + "/x";
  EXPECT_THAT(Error(), HasSubstr("cannot make or write to this folder"));
}

}  // namespace
}  // namespace kindred
