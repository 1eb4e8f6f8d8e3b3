#include "trainer/tuning/tune_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::HasSubstr;

TEST(TuneSetupTest, WhatCountsAndWhatDoesNot) {
  const TempDir dir;
  WriteFile(dir.File("a.csv"), "user_id,item_id\nu,i\n");
  WriteFile(dir.File("same.csv"), "user_id,item_id\nu,i\n");
  WriteFile(dir.File("b.csv"), "user_id,item_id\nu,j\n");
  TuneOptions options;
  SpaceRecipe space;
  space.name = "svd";
  space.family = *MakeFamily("svd");
  options.train.recipe.spaces.push_back(std::move(space));
  options.train.interactions = {dir.File("a.csv")};
  options.valid = {dir.File("b.csv")};
  const auto setup = TuneSetup(options);
  ASSERT_TRUE(setup.ok()) << setup.status();

  TuneOptions same = options;
  same.train.interactions = {dir.File("same.csv")};
  same.train.out = "x";
  same.train.recipe.threads += 1;
  same.train.recipe.model = "other";
  same.grid = {{"factors", {"1"}}};
  same.test = {"t.csv"};
  EXPECT_EQ(DescribeDifference(*setup, *TuneSetup(same)), "");

  TuneOptions other = options;
  other.train.interactions = {dir.File("b.csv")};
  other.train.read.min_item_users = 3;
  other.train.recipe.seed = 7;
  other.evaluate.ks = {5};
  const std::string difference = DescribeDifference(*setup, *TuneSetup(other));
  EXPECT_THAT(difference, HasSubstr("seed was 42 and is 7"));
  EXPECT_THAT(difference, HasSubstr("data.min_item_users was 1 and is 3"));
  EXPECT_THAT(difference, HasSubstr("evaluation.k.0 was 10 and is 5"));

  other.valid = {dir.File("gone.csv")};
  EXPECT_TRUE(absl::IsNotFound(TuneSetup(other).status()));
}

TEST(TuneSetupTest, NamesOnlyAFewDifferences) {
  EXPECT_EQ(DescribeDifference(R"({"a":1})", R"({"b":{"c":2}})"), "b.c is new, a is gone");
  EXPECT_THAT(
      DescribeDifference(R"({"a":1,"b":1,"c":1,"d":1,"e":1,"f":1})", R"({"a":2,"b":2,"c":2,"d":2,"e":2,"f":2})"),
      HasSubstr("d was 1 and is 2, 2 others"));
}

}  // namespace
}  // namespace kindred
