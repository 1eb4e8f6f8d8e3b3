#include "trainer/commands/train_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/str_cat.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kPipeline[] = R"(
interactions: [a.csv.gz, "b,c.csv"]
user_column: household
keep: [Quantity>0, "Country=UK,FR"]
items: products.csv
text_columns: [name, notes]
spaces:
  taste:
    family: svd
    factors: 12
    action_weights: {view: 1, purchase: 4.5}
    half_life_days: 14
  nmf: {alpha: 0.5, prior_weight: 0.2}
blend: {taste: 1, nmf: 0.5, prior_weight: 0.05}
default_space: taste
model: shop
version: 7
threads: 1
out: shop.safetensors
)";

constexpr int64_t kFirstOfDecember = 1291161600000;  // of 2010

void ExpectError(const std::string& text, const std::string& part) {
  const auto options = ParseTrainConfig(text, "p.yaml");
  ASSERT_FALSE(options.ok()) << text;
  EXPECT_THAT(StrCat(options.status().message()), HasSubstr(part));
}

TEST(TrainConfigTest, HowTimesAreWrittenCountsWhereverItStands) {
  const auto options = ParseTrainConfig(
      "from: 1/12/2010\nday_first: true\ninteractions: [a.csv]\nspaces: {svd: {}}\nout: o\n", "p.yaml");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->read.from_ms, kFirstOfDecember);
}

TEST(TrainConfigTest, ReadsAWholePipeline) {
  const auto options = ParseTrainConfig(kPipeline, "p.yaml");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->interactions, ElementsAre("a.csv.gz", "b,c.csv"));
  EXPECT_EQ(options->read.user_column, "household");
  ASSERT_EQ(options->read.keep.size(), 2u);
  EXPECT_EQ(options->read.keep[1].column, "Country");
  EXPECT_THAT(options->item_table.text_columns, ElementsAre("name", "notes"));
  const Recipe& recipe = options->recipe;
  ASSERT_EQ(recipe.spaces.size(), 2u);
  EXPECT_EQ(recipe.spaces[0].name, "taste");
  EXPECT_EQ(recipe.spaces[0].family->name(), "svd");
  EXPECT_THAT(recipe.spaces[0].weights.actions, ElementsAre(Pair("purchase", 4.5), Pair("view", 1)));
  EXPECT_EQ(recipe.spaces[0].weights.half_life_days, 14);
  EXPECT_FALSE(recipe.spaces[0].prior_weight.has_value());
  ParameterList parameters;
  recipe.spaces[0].family->Describe(&parameters);
  EXPECT_EQ(parameters.Find("factors")->get(), "12");
  EXPECT_EQ(recipe.spaces[1].prior_weight, 0.2);
  ASSERT_TRUE(recipe.blend.has_value());
  EXPECT_THAT(recipe.blend->parts, ElementsAre(Pair("taste", 1), Pair("nmf", 0.5)));
  EXPECT_EQ(recipe.blend->prior_weight, 0.05);
  EXPECT_EQ(recipe.default_space, "taste");
  EXPECT_EQ(recipe.version, "7");
  EXPECT_EQ(options->out, "shop.safetensors");
}

TEST(TrainConfigTest, WhatIsWrittenReadsBackTheSame) {
  for (const char* text :
       {kPipeline,
        "interactions: ['a \\ \"b\".csv']\nspaces: {popular: {decay_days: 0.5}}\nout: 'o #1: \u00e9.safetensors'\n",
        "from: 1/12/2010\nday_first: true\nclip: 1,5\ndelimiter: tab\nmissing: [NA, '-']\ninteractions: a\n"
        "spaces: {als: {action_weights: {view: 1, buy: 4}}}\nout: o\n"}) {
    const auto options = ParseTrainConfig(text, "p.yaml");
    ASSERT_TRUE(options.ok()) << options.status();
    const std::string yaml = TrainConfigYaml(*options, "A heading");
    EXPECT_EQ(yaml.substr(0, 12), "# A heading\n");
    EXPECT_THAT(yaml, ::testing::Not(HasSubstr("user_damping"))) << "defaults are left out";
    const auto again = ParseTrainConfig(yaml, "again.yaml");
    ASSERT_TRUE(again.ok()) << again.status() << "\n" << yaml;
    EXPECT_EQ(TrainConfigYaml(*again, "A heading"), yaml);
    EXPECT_EQ(again->interactions, options->interactions);
    EXPECT_EQ(again->out, options->out);
    EXPECT_EQ(again->read.from_ms, options->read.from_ms);
    EXPECT_EQ(again->read.clip_high, options->read.clip_high);
    ASSERT_EQ(again->recipe.spaces.size(), options->recipe.spaces.size());
    for (size_t i = 0; i < options->recipe.spaces.size(); ++i) {
      const SpaceRecipe &space = options->recipe.spaces[i], &other = again->recipe.spaces[i];
      EXPECT_EQ(other.name, space.name);
      EXPECT_EQ(other.weights.actions, space.weights.actions);
      EXPECT_EQ(other.weights.half_life_days, space.weights.half_life_days);
      EXPECT_EQ(other.prior_weight, space.prior_weight);
      ParameterList own, others;
      space.family->Describe(&own);
      other.family->Describe(&others);
      EXPECT_EQ(others.ToJson(), own.ToJson());
    }
    EXPECT_EQ(again->recipe.blend.has_value(), options->recipe.blend.has_value());
    if (options->recipe.blend) {
      EXPECT_EQ(again->recipe.blend->parts, options->recipe.blend->parts);
      EXPECT_EQ(again->recipe.blend->prior_weight, options->recipe.blend->prior_weight);
    }
    EXPECT_EQ(again->recipe.default_space, options->recipe.default_space);
  }
}

TEST(TrainConfigTest, ErrorsNameFileLineAndKey) {
  ExpectError("interactions: a.csv\nout: b\n", "'spaces' is missing");
  ExpectError("out: b\nspaces: {svd: {}}\n", "'interactions' is missing");
  ExpectError("interactions: a.csv\nuser_colum: x\n", "p.yaml:2: unknown key 'user_colum'");
  ExpectError("interactions: a.csv\nspaces:\n  svd:\n    factors: many\n", "p.yaml:4: factors: found 'many'");
  ExpectError("interactions: a.csv\nspaces:\n  svd:\n    factor: 3\n", "p.yaml:4: unknown key 'factor'");
  ExpectError("interactions: a.csv\nspaces:\n  mine: {factors: 3}\n", "unknown model family 'mine'; there are svd");
  ExpectError("interactions: a.csv\nspaces: [svd]\n", "p.yaml:2: spaces: expected a map");
  ExpectError("interactions: a.csv\nblend: {svd: much}\n", "blend.svd: found 'much'");
  ExpectError("keep: [Quantity]\n", "p.yaml:1: keep");
  ExpectError("model: {a: b}\n", "model: expected one value");
  ExpectError("interactions: [a\n", "p.yaml:");
  ExpectError("just text", "expected a map");
  ExpectError("", "expected a map");
  EXPECT_EQ(ReadTrainConfig("/no/such/file.yaml").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kindred
