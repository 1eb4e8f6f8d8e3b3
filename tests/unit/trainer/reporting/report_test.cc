#include "trainer/reporting/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/bundle/tensor_names.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHostile[] = "<script>alert('x')</script>";

Evaluation Measured(double ndcg) {
  Evaluation out;
  out.ranker = {kHostile, "1", "digest", "default"};
  out.scored_users = 1234;
  for (const char* name : {"model", "popularity"}) {
    RankingFigures ranking{name, {}, {}, 1};
    for (const uint32_t k : {10u, 20u}) {
      FiguresAtK at{k, {}, {}, Concentration{0.5, 0.25, 0.125, 0.0625}};
      at.mean.fill(ndcg);
      at.standard_error.fill(0.01);
      ranking.at.push_back(at);
    }
    out.rankings.push_back(ranking);
  }
  out.notes = {kHostile};
  return out;
}

// A non-negative model whose second trait is "Item 3" above all.
std::shared_ptr<const Model> TraitModel(const testing::TempDir& dir) {
  testing::BundleBuilder builder({.n_items = 70, .n_users = 3, .n_categories = 4, .dim = 2});
  for (const char* name : {"space.default.items", "space.default.users"}) {
    for (float& value : builder.Get<float>(name)) value = std::abs(value) * 0.01f;
  }
  builder.Get<float>("space.default.items")[3 * 2 + 1] = 5;
  const auto users = builder.Get<float>("space.default.users");
  for (size_t user = 0; user < 3; ++user) {
    users[2 * user] = 1;
    users[2 * user + 1] = 3;
  }
  std::vector<std::string> ids;
  ids.reserve(70);
  for (int item = 0; item < 70; ++item) ids.push_back("Item " + std::to_string(item));
  ids[3] = kHostile;
  builder.SetIds(names::kItemNames, ids);
  builder.metadata()[std::string(names::kSpaces)] =
      SpaceSpecsToJson({{"default", SpaceSpec{.family = "nmf", .dim = 2, .fold_in = FoldIn::kNnls}}});
  const std::string path = dir.File("b.safetensors");
  const absl::Status written = builder.WriteSealed(path);
  EXPECT_TRUE(written.ok()) << written;
  auto model = Model::Load(path);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

void ExpectSelfContained(const std::string& html) {
  for (const char* outside : {"http:", "https:", "src=", "@import", "url(", "<script", "<link", "<iframe", "<img"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_EQ(std::count(html.begin(), html.end(), '<'), std::count(html.begin(), html.end(), '>'));
}

TEST(ReportTest, NothingGivenSaysHowToGetEachPart) {
  const std::string html = ReportHtml({.title = "T", .made_at = "now"});
  ExpectSelfContained(html);
  for (const char* how :
       {"kindred tune", "--evaluation test=TEST.json", "--cold-start", "--bundle FILE", "--train TRAIN"}) {
    EXPECT_THAT(html, HasSubstr(how));
  }
  EXPECT_THAT(html, Not(HasSubstr("<figure>")));
}

TEST(ReportTest, EverythingIsEscaped) {
  const testing::TempDir dir;
  ReportInput input{.title = kHostile, .made_at = kHostile, .model = TraitModel(dir)};
  input.evaluations = {{kHostile, Measured(0.1)}, {"second", Measured(0.2)}};
  input.evaluations[0].evaluation.values = {{kHostile, 1, 2, 3}};
  input.tune = TuneResults{.family = kHostile, .space = kHostile, .metric = kHostile, .parameters = {kHostile}};
  input.tune->runs = {{{kHostile}, "done", "", 1, Measured(0.1)}, {{"b"}, kHostile, kHostile, 1, std::nullopt}};
  input.train.emplace();
  input.train->user_ids = {"user-0"};
  input.train->item_ids = {"item-3"};
  input.train->user = {0};
  input.train->item = {0};
  const std::string html = ReportHtml(input);
  ExpectSelfContained(html);
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
  EXPECT_EQ(html, ReportHtml(input)) << "the same bytes";
}

TEST(ReportTest, TraitsByTheirItems) {
  const testing::TempDir dir;
  const std::string html = TraitsSection({.model = TraitModel(dir)});
  const size_t second = html.find("Trait 1<"), first = html.find("Trait 0<");
  ASSERT_NE(first, std::string::npos);
  EXPECT_LT(second, first) << "it weighs three times as much";
  EXPECT_THAT(html.substr(second, first - second), HasSubstr("leads for 3 users, 75.0 % of all weight"));
  EXPECT_THAT(html.substr(second, first - second), HasSubstr("alert"));
  EXPECT_THAT(html.substr(second, first - second), HasSubstr(">5.000<"));
  EXPECT_THAT(html.substr(first), HasSubstr("leads for 0 users"));
}

TEST(ReportTest, TuningOrdersRunsAndMarksTheChoice) {
  ReportInput input;
  input.tune = TuneResults{
      .family = "als", .space = "als", .metric = "ndcg@10", .rule = 0.98, .parameters = {"factors", "mode"}};
  for (const auto& [factors, ndcg] :
       std::vector<std::pair<const char*, double>>{{"8", 0.1}, {"64", 0.2}, {"128", 0.201}}) {
    input.tune->runs.push_back({{factors, "same"}, "done", "", 2, Measured(ndcg)});
  }
  input.tune->runs.push_back({{"1000", "same"}, "skipped", "more than there are items", 0, std::nullopt});
  input.tune->best = 2;
  input.tune->chosen = 1;
  const std::string html = TuningSection(input);
  EXPECT_THAT(html, HasSubstr("3 of 4 runs done"));
  EXPECT_THAT(html, HasSubstr("NDCG@10 on validation against factors"));
  EXPECT_THAT(html, Not(HasSubstr("against mode"))) << "it has one value";
  EXPECT_THAT(html, HasSubstr("good enough: 98 % of the best"));
  EXPECT_THAT(html, HasSubstr("skipped</bdi>: more than there are items"));
  EXPECT_LT(html.find("0.2010"), html.rfind("0.1000"));
  EXPECT_THAT(html, HasSubstr("99.5 %"));  // 0.2 / 0.201
  EXPECT_EQ(html.find("nan"), std::string::npos);
}

TEST(ReportTest, ValidationBesideTest) {
  ReportInput input;
  input.evaluations = {{"validation", Measured(0.2)}, {"test", Measured(0.15)}};
  std::string html = ComparisonSection(input);
  EXPECT_THAT(html, HasSubstr("−0.0500 (−25.0 %)"));
  EXPECT_THAT(html, HasSubstr("The model at K = 10"));
  input.evaluations[1].evaluation.rankings[0].at.erase(input.evaluations[1].evaluation.rankings[0].at.begin());
  EXPECT_THAT(ComparisonSection(input), HasSubstr("The model at K = 20"));
  input.evaluations[1].evaluation.rankings[0].at[0].k = 7;
  EXPECT_THAT(ComparisonSection(input), HasSubstr("in common"));
  // A tuning brings both.
  ReportInput tuned{.title = "T", .made_at = "now"};
  tuned.tune = TuneResults{.valid = Measured(0.2), .test = Measured(0.15)};
  EXPECT_THAT(ReportHtml(tuned), HasSubstr("−0.0500 (−25.0 %)"));
}

TEST(ReportTest, ColdStartCurveAndItsShare) {
  ReportInput input;
  Evaluation evaluation = Measured(0.2);
  ColdStart cold;
  cold.users = 77;
  for (const auto& [events, ndcg] : std::vector<std::pair<uint32_t, double>>{{1, 0.1}, {10, 0.18}}) {
    FiguresAtK at{10, {}, {}, std::nullopt};
    at.mean.fill(ndcg);
    cold.points.push_back({events, {at}, {}});
  }
  cold.reference = {evaluation.rankings[0].at[0]};
  evaluation.cold_start = cold;
  input.evaluations = {{"cold", evaluation}};
  const std::string html = ColdStartSection(input);
  EXPECT_THAT(html, HasSubstr("77 users"));
  EXPECT_THAT(html, HasSubstr("50.0 %"));
  EXPECT_THAT(html, HasSubstr("90.0 %"));
  EXPECT_THAT(html, HasSubstr("trained on these users"));
  EXPECT_THAT(html, Not(HasSubstr(">popularity</li>")));
  EXPECT_THAT(SummarySection(input), HasSubstr("90.0 % of a model trained on them"));
}

TEST(ReportTest, EvaluationOfAnotherBundleIsPointedOut) {
  const testing::TempDir dir;
  ReportInput input{.model = TraitModel(dir)};
  input.evaluations = {{"test", Measured(0.1)}};
  EXPECT_THAT(SummarySection(input), HasSubstr("is of another bundle"));
  input.evaluations[0].evaluation.ranker.digest = input.model->digest();
  EXPECT_THAT(SummarySection(input), Not(HasSubstr("is of another bundle")));
}

}  // namespace
}  // namespace kindred
