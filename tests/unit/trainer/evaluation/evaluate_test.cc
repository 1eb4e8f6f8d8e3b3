#include "trainer/evaluation/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"
#include "trainer/evaluation/model_ranker.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Ranks what it was told, in that order; items i0 … i<n−1>.
class ListRanker : public Ranker {
 public:
  explicit ListRanker(int n_items) {
    for (int i = 0; i < n_items; ++i) order_.push_back("i" + std::to_string(i));
  }
  std::map<std::string, std::vector<std::string>> first;  // user → items put first
  std::map<std::string, std::vector<std::string>> last;   // user → items put last
  std::map<std::string, std::set<std::string>> seen;      // user → items they have
  std::map<std::string, double> score;                    // item → score, else 0
  absl::Status failure;

  absl::StatusOr<RankerInfo> Info() const override { return RankerInfo{"list", "1", "d", "s"}; }
  absl::Status Rank(const RankRequest& request, RankAnswer* answer) const override {
    *answer = {};
    if (!failure.ok()) return failure;
    const std::string user(request.user_id);
    std::vector<std::string> ranked = order_;
    if (first.contains(user)) {
      const auto& best = first.at(user);
      std::stable_partition(ranked.begin(), ranked.end(), [&](const std::string& id) {
        return std::find(best.begin(), best.end(), id) != best.end();
      });
    }
    if (last.contains(user)) {
      const auto& worst = last.at(user);
      std::stable_partition(ranked.begin(), ranked.end(), [&](const std::string& id) {
        return std::find(worst.begin(), worst.end(), id) == worst.end();
      });
    }
    const std::set<std::string_view> candidates(request.candidate_item_ids.begin(), request.candidate_item_ids.end());
    const std::set<std::string_view> excluded(request.exclude_item_ids.begin(), request.exclude_item_ids.end());
    for (const std::string_view id : request.candidate_item_ids) {
      if (std::find(order_.begin(), order_.end(), id) == order_.end()) answer->missing_ids.emplace_back(id);
    }
    for (const std::string& id : ranked) {
      if (answer->items.size() >= request.k) break;
      if (excluded.contains(id) || (!candidates.empty() && !candidates.contains(id))) continue;
      if (!request.include_seen && seen.contains(user) && seen.at(user).contains(id)) continue;
      answer->items.push_back(id);
      answer->scores.push_back((score.contains(id) ? score.at(id) : 0) + 0.5);
      answer->priors.push_back(0.5);
    }
    answer->source = user.starts_with("new") ? "average" : "trained_vector";
    return absl::OkStatus();
  }

 private:
  std::vector<std::string> order_;
};

EventLog Log(const std::vector<std::tuple<std::string, std::string, float>>& rows) {
  EventLog log;
  const auto number = [](std::vector<std::string>* ids, const std::string& id) {
    const auto found = std::find(ids->begin(), ids->end(), id);
    if (found != ids->end()) return static_cast<uint32_t>(found - ids->begin());
    ids->push_back(id);
    return static_cast<uint32_t>(ids->size() - 1);
  };
  for (const auto& [user, item, value] : rows) {
    log.user.push_back(number(&log.user_ids, user));
    log.item.push_back(number(&log.item_ids, item));
    log.value.push_back(value);
  }
  return log;
}

class EvaluateTest : public ::testing::Test {
 protected:
  absl::StatusOr<Evaluation> Run() {
    Progress progress(Progress::Mode::kSilent);
    EvaluateInput input;
    input.ranker = &ranker_;
    input.test = &test_;
    if (train_.size() > 0) {
      input.train = &train_;
      absl::StatusOr<Background> background = Background::OfEvents(train_, ranker_);
      if (!background.ok()) return background.status();
      background_ = *std::move(background);
      input.background = &*background_;
    }
    if (candidates_.size() > 0) input.candidates = &candidates_;
    return Evaluate(input, options_, &progress);
  }

  ListRanker ranker_{100};
  EventLog test_ = Log({{"a", "i70", 1}, {"a", "i80", 1}, {"b", "i90", 1}});
  EventLog train_, candidates_;
  EvaluateOptions options_;
  std::optional<Background> background_;
};

TEST_F(EvaluateTest, PerfectRankerReachesOne) {
  ranker_.first = {{"a", {"i70", "i80"}}, {"b", {"i90"}}};
  const auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(found->rankings, SizeIs(1));
  for (const FiguresAtK& at : found->rankings[0].at) {
    EXPECT_DOUBLE_EQ(Get(at.mean, RankingMetric::kRecall), 1);
    EXPECT_DOUBLE_EQ(Get(at.mean, RankingMetric::kNdcg), 1);
    EXPECT_DOUBLE_EQ(Get(at.mean, RankingMetric::kMap), 1);
    EXPECT_DOUBLE_EQ(Get(at.mean, RankingMetric::kMrr), 1);
    EXPECT_DOUBLE_EQ(Get(at.mean, RankingMetric::kPrecision), 1.5 / at.k);
  }
  EXPECT_EQ(found->scored_users, 2);
  EXPECT_DOUBLE_EQ(found->rankings[0].user_coverage, 1);
  EXPECT_THAT(found->notes, ::testing::ElementsAre(HasSubstr("--train")));
}

TEST_F(EvaluateTest, WorstRankerReachesZero) {
  ranker_.last = {{"a", {"i70", "i80"}}, {"b", {"i90"}}};
  const auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  for (const FiguresAtK& at : found->rankings[0].at) {
    for (const RankingMetric metric : kRankingMetrics) EXPECT_EQ(Get(at.mean, metric), 0);
  }
}

TEST_F(EvaluateTest, UnknownAndSeenItemsAreNotToBeFound) {
  ranker_.seen["a"] = {"i70"};
  test_ = Log({{"a", "i70", 1}, {"a", "i80", 1}, {"a", "gone", 1}, {"b", "gone", 1}});
  ranker_.first["a"] = {"i80"};
  auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->scored_users, 1);
  EXPECT_EQ(found->relevant_items, 1);
  EXPECT_EQ(found->unknown_items, 2);
  EXPECT_EQ(found->seen_items, 1);
  EXPECT_DOUBLE_EQ(Get(found->rankings[0].at[0].mean, RankingMetric::kRecall), 1);

  options_.include_seen = true;
  found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->relevant_items, 2);
  EXPECT_EQ(found->seen_items, 0);
  EXPECT_DOUBLE_EQ(Get(found->rankings[0].at[0].mean, RankingMetric::kRecall), 0.5);
}

TEST_F(EvaluateTest, TrainGivesPopularityCoverageAndWhatUsersHave) {
  // i5 is the most popular, then i6; user a has i5 already.
  train_ = Log({{"a", "i5", 1},
                {"c", "i5", 1},
                {"d", "i5", 1},
                {"c", "i6", 1},
                {"d", "i6", 1},
                {"c", "i7", 1},
                {"c", "not in the model", 1}});
  test_ = Log({{"a", "i6", 1}, {"a", "i5", 1}, {"new b", "i5", 1}});
  options_.ks = {1};
  const auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(background_->n_items(), 3);
  EXPECT_EQ(found->seen_items, 1);  // a's i5
  ASSERT_THAT(found->rankings, SizeIs(2));
  // Popularity finds i6 for a (i5 is seen) and i5 for b; the list ranker begins with i0.
  EXPECT_EQ(found->rankings[1].name, "popularity");
  EXPECT_DOUBLE_EQ(Get(found->rankings[1].at[0].mean, RankingMetric::kHitRate), 1);
  EXPECT_DOUBLE_EQ(found->rankings[1].at[0].concentration->coverage, 2.0 / 3);
  EXPECT_DOUBLE_EQ(found->rankings[1].at[0].concentration->mean_popularity, (2.0 / 3 + 1) / 2);
  EXPECT_EQ(Get(found->rankings[0].at[0].mean, RankingMetric::kHitRate), 0);
  EXPECT_EQ(found->rankings[0].at[0].concentration->coverage, 0);  // i0 is not in the training data
  EXPECT_DOUBLE_EQ(found->rankings[0].user_coverage, 0.5);         // "new b" got the average
}

TEST_F(EvaluateTest, ValuesBesideTheMeans) {
  train_ = Log({{"a", "i1", 4}, {"a", "i2", 2}, {"b", "i1", 3}});
  test_ = Log({{"a", "i3", 5}, {"b", "i2", 1}, {"b", "gone", 1}});
  ranker_.score = {{"i3", 4}, {"i2", 1}};
  options_.values = ValueScale::kIdentity;
  auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->value_pairs, 2);
  ASSERT_THAT(found->values, SizeIs(4));
  EXPECT_NEAR(found->values[0].rmse, std::sqrt(0.5), 1e-12);  // errors 1 and 0; the prior of 0.5 is taken off
  EXPECT_NEAR(found->values[0].mae, 0.5, 1e-12);
  EXPECT_NEAR(found->values[0].accuracy, 0.5, 1e-12);
  EXPECT_EQ(found->values[1].name, "global mean");
  EXPECT_NEAR(found->values[1].mae, (2.0 + 2) / 2, 1e-12);
  EXPECT_NEAR(found->values[2].mae, (2.0 + 2) / 2, 1e-12);  // users: 3, 3
  EXPECT_NEAR(found->values[3].mae, (2.0 + 1) / 2, 1e-12);  // items: i3 unknown → 3, i2 → 2

  options_.values = ValueScale::kLog1p;
  options_.clip = {0, 5};
  found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_NEAR(found->values[0].mae, (0 + (std::exp(1.0) - 2)) / 2, 1e-12);  // expm1(4) clipped to 5; expm1(1) for 1
}

TEST_F(EvaluateTest, NegativesAreSeededAndNeverTheUsersOwn) {
  for (int i = 0; i < 100; ++i) train_.item_ids.push_back("i" + std::to_string(i));
  train_ = Log({});
  std::vector<std::tuple<std::string, std::string, float>> rows;
  for (int i = 0; i < 100; ++i) rows.emplace_back("other", "i" + std::to_string(i), 1);
  for (int i = 0; i < 60; ++i) rows.emplace_back("a", "i" + std::to_string(i), 1);
  train_ = Log(rows);
  test_ = Log({{"a", "i70", 1}});
  ranker_.last["a"] = {"i70"};  // behind all its negatives
  options_.negatives = 9;
  options_.ks = {9, 10};
  const auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(Get(found->rankings[0].at[0].mean, RankingMetric::kHitRate), 0);
  EXPECT_DOUBLE_EQ(Get(found->rankings[0].at[1].mean, RankingMetric::kMrr), 0.1);
  EXPECT_EQ(EvaluationJson(*found), EvaluationJson(*Run()));
}

TEST_F(EvaluateTest, CandidatesOfAFile) {
  candidates_ = Log({{"a", "i1", 1}, {"a", "i2", 1}, {"a", "i80", 1}, {"a", "gone", 1}});
  test_ = Log({{"a", "i80", 1}, {"b", "i3", 1}});
  options_.ks = {2, 3};
  const auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  // a: i1, i2, i80; b: i3 alone.
  EXPECT_DOUBLE_EQ(Get(found->rankings[0].at[0].mean, RankingMetric::kHitRate), 0.5);
  EXPECT_DOUBLE_EQ(Get(found->rankings[0].at[1].mean, RankingMetric::kMrr), (1.0 / 3 + 1) / 2);
}

TEST_F(EvaluateTest, SameFiguresAtAnyThreadCount) {
  std::vector<std::tuple<std::string, std::string, float>> rows;
  for (int u = 0; u < 200; ++u) {
    rows.emplace_back("u" + std::to_string(u), "i" + std::to_string(u * 7 % 23), 1 + u % 5);
    rows.emplace_back("u" + std::to_string(u), "i" + std::to_string(u * 11 % 97), 2);
  }
  test_ = Log(rows);
  train_ = Log({{"u1", "i3", 1}, {"u2", "i4", 5}});
  options_.values = ValueScale::kIdentity;
  options_.sample_users = 150;
  const auto one = Run();
  options_.threads = 4;
  const auto four = Run();
  ASSERT_TRUE(one.ok() && four.ok());
  EXPECT_EQ(one->sampled_users, 150);
  EXPECT_EQ(EvaluationJson(*one), EvaluationJson(*four));
}

TEST_F(EvaluateTest, SaysWhatIsWrong) {
  test_ = {};
  EXPECT_THAT(Run().status().message(), HasSubstr("no rows"));
  test_ = Log({{"a", "gone", 1}});
  EXPECT_THAT(Run().status().message(), HasSubstr("1 are unknown"));
  test_ = Log({{"a", "i1", 1}});
  options_.negatives = 5;
  EXPECT_THAT(Run().status().message(), HasSubstr("--train"));
  options_.negatives = 0;
  options_.fold_in = true;
  EXPECT_THAT(Run().status().message(), HasSubstr("--train"));
  options_.fold_in = false;
  options_.ks = {0};
  EXPECT_THAT(Run().status().message(), HasSubstr("K = 0"));
  options_.ks = {};
  EXPECT_THAT(Run().status().message(), HasSubstr("no K"));
  options_.ks = {5};
  ranker_.failure = absl::UnavailableError("gone away");
  EXPECT_THAT(Run().status().message(), HasSubstr("user 'a': gone away"));
}

TEST_F(EvaluateTest, OutputsSayTheSame) {
  ranker_.first["a"] = {"i70"};
  train_ = Log({{"a", "i5", 1}});
  const auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  const auto json = nlohmann::json::parse(EvaluationJson(*found));
  const double recall = json["rankings"][0]["at"][0]["recall"];
  EXPECT_DOUBLE_EQ(recall, 0.25);
  EXPECT_THAT(EvaluationCsv(*found), HasSubstr("\nmodel,recall,10,0.25,0.25\n"));
  EXPECT_THAT(EvaluationText(*found), HasSubstr("0.2500"));
}

TEST_F(EvaluateTest, JsonReadBackSaysTheSame) {
  train_ = Log({{"a", "i1", 4}, {"a", "i2", 2}, {"b", "i1", 3}});
  test_ = Log({{"a", "i3", 5}, {"b", "i2", 1}, {"b", "gone", 1}});
  options_.values = ValueScale::kIdentity;
  const auto found = Run();
  ASSERT_TRUE(found.ok()) << found.status();
  const auto again = EvaluationFromJson(EvaluationJson(*found));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(EvaluationJson(*again), EvaluationJson(*found));
  EXPECT_THAT(EvaluationFromJson("{").status().message(), HasSubstr("not JSON"));
  for (const char* none : {"[]", "{}", R"({"rankings":3})", R"({"rankings":[]})", R"({"rankings":[{"at":[]}]})"}) {
    EXPECT_THAT(EvaluationFromJson(none).status().message(), HasSubstr("no \"rankings\"")) << none;
  }
  const auto odd = EvaluationFromJson(
      R"({"rankings":[{"name":5,"at":[{"k":-1,"ndcg":"x"},7]}],"notes":[1],"values":[[]],"test_rows":1e30,"cold_start":[3]})");
  ASSERT_TRUE(odd.ok()) << odd.status();
  EXPECT_TRUE(std::isnan(Get(odd->rankings[0].at[0].mean, RankingMetric::kNdcg)));
}

TEST(ModelRankerTest, RanksAsTheEngineAndNamesSpaces) {
  const testing::TempDir dir;
  testing::BundleBuilder builder;
  ASSERT_TRUE(builder.WriteSealed(dir.path() + "/b.safetensors").ok());
  auto model = Model::Load(dir.path() + "/b.safetensors");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(ModelRanker::Create(*model, "other").status().message(), HasSubstr("it has: default"));
  const auto ranker = ModelRanker::Create(*model, "");
  ASSERT_TRUE(ranker.ok());
  const std::vector<std::string_view> candidates = {"item-3", "item-69", "nothing"};
  RankRequest request;
  request.user_id = "user-1";
  request.include_seen = true;
  request.split_prior = true;
  request.candidate_item_ids = candidates;
  RankAnswer answer;
  ASSERT_TRUE((*ranker)->Rank(request, &answer).ok());
  EXPECT_THAT(answer.items, ::testing::UnorderedElementsAre("item-3", "item-69"));
  EXPECT_THAT(answer.missing_ids, ::testing::ElementsAre("nothing"));
  EXPECT_EQ(answer.source, "trained_vector");
  ASSERT_THAT(answer.scores, SizeIs(2));
  EXPECT_GE(answer.scores[0], answer.scores[1]);
  EXPECT_THAT(answer.priors, SizeIs(2));

  const Background background = Background::OfModel(**model);
  EXPECT_EQ(background.n_items(), 70);
  EXPECT_EQ(background.n_users(), 9);
  EXPECT_FALSE(background.Seen("user-1").empty());
  EXPECT_TRUE(background.Seen("nobody").empty());
}

}  // namespace
}  // namespace kindred
