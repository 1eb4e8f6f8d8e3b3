#include "server/answer_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;

TEST(AnswerWriter, ExplainedTermsAndPriorAddUpToTheScore) {
  const auto model = testing::LoadTestModel(testing::BundleBuilder());
  ASSERT_NE(model, nullptr);
  EngineScratch scratch;
  RecommendResult result;
  RecommendOptions options;
  options.k = 20;
  options.explain = true;
  SubjectView who;
  who.user_id = "user-1";
  ASSERT_TRUE(Recommender(*model).Recommend(who, options, &scratch, &result).ok());
  v1::RecommendResponse response;
  TraitLabels labels;
  WriteItems(*model, result, false, &labels, response.mutable_items());
  ASSERT_EQ(response.items_size(), 20);
  for (int i = 0; i < response.items_size(); ++i) {
    const v1::RecommendedItem& item = response.items(i);
    EXPECT_EQ(item.item_id(), model->items().Id(result.items[i].item));
    EXPECT_EQ(item.score(), result.items[i].score);
    EXPECT_TRUE(item.name().empty());
    EXPECT_EQ(item.categories_size(), 0);
    ASSERT_GT(item.terms_size(), 0);
    double sum = item.prior(), magnitude = std::abs(item.prior());
    for (int j = 0; j < item.terms_size(); ++j) {
      sum += item.terms(j).value();
      magnitude += std::abs(item.terms(j).value());
      EXPECT_NE(item.terms(j).value(), 0);
      EXPECT_FALSE(item.terms(j).label().empty());
      if (j == 0) continue;
      EXPECT_LE(std::abs(item.terms(j).value()), std::abs(item.terms(j - 1).value()));
    }
    EXPECT_NEAR(sum, item.score(), 1e-5 * magnitude);
  }
}

TEST(AnswerWriter, TheSpacesOfABlendHaveTermsOfTheirOwn) {
  const auto model = testing::LoadTestModel(testing::BundleBuilder());
  ASSERT_NE(model, nullptr);
  Space sparse;
  sparse.name = "words";
  sparse.spec.fold_in = FoldIn::kSparse;
  sparse.spec.dim = 1'000'000'000;  // features are not named
  const Space& dense = model->default_space();
  const uint32_t dim = dense.spec.dim;
  RecommendResult result;
  result.space = &sparse;
  result.items = {{3, 6.5f}, {1, 0.75f}};
  result.parts = {&sparse, &dense, &sparse};
  result.blended_spaces = {"words", dense.name, "words"};
  result.blend_terms = {1.5f, 5, 0, 0.25f, 0, 0.5f};
  result.prior_terms = {0, 0};
  result.terms.assign(size_t{2} * dim, 0.0f);
  result.terms[0] = 2;
  result.terms[dim - 1] = 3;
  result.history_terms = {{5, 0.5f}, {7, 1.0f}, {9, 0.25f}, {2, 0.5f}};
  result.history_begin = {0, 2, 2, 2, 3, 3, 4};
  v1::RecommendResponse response;
  TraitLabels labels;
  WriteItems(*model, result, false, &labels, response.mutable_items());
  ASSERT_EQ(response.items_size(), 2);
  const auto shown = [&](int item) {
    std::string out;
    for (const v1::TraitTerm& space : response.items(item).terms()) {
      out += StrCat(space.trait(), " ", space.label(), " ", space.value(), ":");
      for (const v1::TraitTerm& term : space.terms()) {
        out += StrCat(" ", term.trait(), "=", term.value());
        const bool of_words = space.label() == "words";
        EXPECT_EQ(term.label(), of_words ? model->ItemName(term.trait()) : TraitLabel(*model, dense, term.trait()));
      }
      out += "; ";
    }
    return out;
  };
  EXPECT_EQ(shown(0), StrCat("0 words 1.5: 7=1 5=0.5; 1 ", dense.name, " 5: ", dim - 1, "=3 0=2; 2 words 0:; "));
  EXPECT_EQ(shown(1), StrCat("0 words 0.25: 9=0.25; 1 ", dense.name, " 0:; 2 words 0.5: 2=0.5; "));
}

TEST(AnswerWriter, FullItemsHaveNamesAndCategories) {
  const auto model = testing::LoadTestModel(testing::BundleBuilder());
  ASSERT_NE(model, nullptr);
  for (uint32_t item = 0; item < model->n_items(); ++item) {
    v1::ProfileItem basic, full;
    WriteItem(*model, item, false, &basic);
    WriteItem(*model, item, true, &full);
    EXPECT_EQ(basic.item_id(), "item-" + std::to_string(item));
    EXPECT_EQ(basic.name(), "");
    EXPECT_EQ(full.name(), "Item " + std::to_string(item));
    EXPECT_EQ(full.categories_size(), static_cast<int>(model->ItemCategories(item).size()));
  }
}

TEST(AnswerWriter, TraitsAreNamedByTheirStrongestDistinctNames) {
  testing::BundleBuilder builder({.n_items = 5, .n_users = 2, .dim = 2});
  builder.Set<float>(names::Space("default", names::kItems), {5, 2}, {5, 0, 4, 0, 3, 0, 2, 1, 0, 9});
  builder.SetIds(names::kItemNames, {"Milk", "Milk", "Bread", "Eggs", "Soap"});
  const auto model = testing::LoadTestModel(std::move(builder));
  ASSERT_NE(model, nullptr);
  const Space& space = model->default_space();
  EXPECT_EQ(TraitLabel(*model, space, 0), "Milk · Bread · Eggs");
  EXPECT_TRUE(TraitLabel(*model, space, 1).starts_with("Soap · Eggs"));

  const std::vector<float> vector = {0.5f, -2.0f};
  v1::GetProfileResponse response;
  WriteTraits(*model, space, vector, true, response.mutable_traits());
  ASSERT_EQ(response.traits_size(), 2);
  EXPECT_EQ(response.traits(0).trait(), 1u);  // stronger, though negative
  EXPECT_EQ(response.traits(1).label(), "Milk · Bread · Eggs");
  std::vector<std::string> strongest;
  for (const auto& item : response.traits(1).strongest_items()) strongest.push_back(item.item_id());
  EXPECT_THAT(strongest, ::testing::SizeIs(5));  // each item of this small catalogue once
  EXPECT_EQ(strongest[0], "item-0");

  response.Clear();
  WriteTraits(*model, space, std::vector<float>{0, 0}, false, response.mutable_traits());
  EXPECT_EQ(response.traits_size(), 0);
}

TEST(AnswerWriter, EventsSayWhetherTheModelKnowsThem) {
  const auto model = testing::LoadTestModel(testing::BundleBuilder());
  ASSERT_NE(model, nullptr);
  Profile profile;
  profile.events = {{"item-3", "view", 1500, 2.0}, {"gone", "", 2000, 1.0}};
  v1::GetProfileResponse response;
  WriteEvents(*model, profile, true, response.mutable_events());
  ASSERT_EQ(response.events_size(), 2);
  EXPECT_TRUE(response.events(0).known());
  EXPECT_EQ(response.events(0).name(), "Item 3");
  EXPECT_EQ(response.events(0).event().action(), "view");
  EXPECT_EQ(response.events(0).event().time().nanos(), 500'000'000);
  EXPECT_FALSE(response.events(1).known());
  EXPECT_EQ(response.events(1).name(), "");
}

TEST(AnswerWriter, TimesBefore1970KeepPositiveNanos) {
  google::protobuf::Timestamp time;
  WriteTime(-1, &time);
  EXPECT_EQ(time.seconds(), -1);
  EXPECT_EQ(time.nanos(), 999'000'000);
  WriteTime(-2000, &time);
  EXPECT_EQ(time.seconds(), -2);
  EXPECT_EQ(time.nanos(), 0);
}

TEST(AnswerWriter, SourcesAndDurabilityKeepTheirNames) {
  for (size_t i = 0; i < kAnswerSources; ++i) {
    std::string name(AnswerSourceName(static_cast<AnswerSource>(i)));
    for (char& c : name) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(v1::AnswerSource_Name(ToProto(static_cast<AnswerSource>(i))), "ANSWER_SOURCE_" + name);
  }
  EXPECT_EQ(ToProto(StoreDurability::kJournal), v1::DURABILITY_JOURNAL);
  EXPECT_EQ(ToProto(StoreDurability::kMemory), v1::DURABILITY_MEMORY);
}

}  // namespace
}  // namespace kindred
