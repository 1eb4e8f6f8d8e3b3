#include "trainer/evaluation/cold_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Items i0 … i9. Asked with n events it puts `target` at rank best_rank[n] (else last) and otherwise keeps their order;
// asked by the id of one of `users` at rank 1. Like the engine it leaves out the session's own items.
class SessionRanker : public Ranker {
 public:
  std::string target = "i9";
  std::map<size_t, size_t> best_rank;
  std::set<std::string> users;
  std::set<std::string> has;  // items that its users have
  std::set<std::string> unknown;
  mutable std::vector<std::vector<std::string>> sessions;

  absl::StatusOr<RankerInfo> Info() const override { return RankerInfo{"sessions", "1", "digest", "s"}; }
  absl::Status Rank(const RankRequest& request, RankAnswer* answer) const override {
    *answer = {};
    const bool known = users.contains(std::string(request.user_id));
    answer->source = !request.events.empty() ? "events" : known ? "trained_vector" : "average";
    std::set<std::string_view> out(request.exclude_item_ids.begin(), request.exclude_item_ids.end());
    for (const RankEvent& event : request.events) out.insert(event.item_id);
    if (known) out.insert(has.begin(), has.end());
    if (!request.events.empty()) {
      sessions.emplace_back();
      for (const RankEvent& event : request.events) sessions.back().emplace_back(event.item_id);
    }
    std::vector<std::string> ranked;
    for (int i = 0; i < 10; ++i) {
      if (const std::string id = "i" + std::to_string(i); id != target && !unknown.contains(id)) ranked.push_back(id);
    }
    size_t rank = known ? 1 : 10;
    if (const auto at = best_rank.find(request.events.size()); at != best_rank.end()) rank = at->second;
    if (!request.include_seen) std::erase_if(ranked, [&](const std::string& id) { return out.contains(id); });
    if (request.include_seen || !out.contains(target)) {
      ranked.insert(ranked.begin() + static_cast<int64_t>(std::min(rank - 1, ranked.size())), target);
    }
    const std::set<std::string_view> among(request.candidate_item_ids.begin(), request.candidate_item_ids.end());
    for (const std::string_view id : among) {
      if (id != target && (unknown.contains(std::string(id)) || id.size() != 2)) answer->missing_ids.emplace_back(id);
    }
    for (const std::string& id : ranked) {
      if (answer->items.size() < request.k && (among.empty() || among.contains(id))) answer->items.push_back(id);
    }
    answer->scores.assign(answer->items.size(), 0);
    answer->priors.assign(answer->items.size(), 0);
    return absl::OkStatus();
  }
};

using Row = std::tuple<std::string, std::string, int64_t, float>;  // user, item, time, value

EventLog Log(const std::vector<Row>& rows) {
  EventLog log;
  const auto number = [](std::vector<std::string>* ids, const std::string& id) {
    const auto found = std::find(ids->begin(), ids->end(), id);
    if (found != ids->end()) return static_cast<uint32_t>(found - ids->begin());
    ids->push_back(id);
    return static_cast<uint32_t>(ids->size() - 1);
  };
  for (const auto& [user, item, time, value] : rows) {
    log.user.push_back(number(&log.user_ids, user));
    log.item.push_back(number(&log.item_ids, item));
    log.time_ms.push_back(time);
    log.value.push_back(value);
  }
  return log;
}

class ColdStartTest : public ::testing::Test {
 protected:
  ColdStartTest() {
    model_.best_rank = {{1, 3}, {3, 1}};
    options_.ks = {10};
    reference_.users = {"a", "b"};
    reference_.has = {"i1", "i2", "i3"};
  }
  absl::StatusOr<Evaluation> Run(std::vector<uint32_t> events) {
    Progress progress(Progress::Mode::kSilent);
    EvaluateInput input;
    input.ranker = &model_;
    input.test = &test_;
    if (history_.size() > 0) input.history = &history_;
    if (train_.size() > 0) {
      input.train = &train_;
      absl::StatusOr<Background> background = Background::OfEvents(train_, model_);
      if (!background.ok()) return background.status();
      background_ = *std::move(background);
      input.background = &*background_;
    }
    return EvaluateColdStart(input, with_reference_ ? &reference_ : nullptr, std::move(events), options_, &progress);
  }

  SessionRanker model_, reference_;
  // Rows in no order of time. c has too few events; b's i2 comes again and is not to be found a second time.
  EventLog test_ = Log({{"a", "i9", 9, 1},
                        {"a", "i3", 3, 1},
                        {"a", "i1", 1, 1},
                        {"a", "i2", 2, 1},
                        {"b", "i1", 1, 1},
                        {"b", "i2", 2, 1},
                        {"b", "i3", 3, 1},
                        {"b", "i2", 4, 1},
                        {"b", "i9", 5, 1},
                        {"c", "i1", 1, 1},
                        {"c", "i9", 2, 1}});
  EventLog history_, train_;
  EvaluateOptions options_;
  bool with_reference_ = false;
  std::optional<Background> background_;
};

TEST_F(ColdStartTest, DividesEachUsersRowsByTime) {
  const auto [first, later] = DivideByEvents(test_, 3);
  EXPECT_THAT(first.time_ms, ElementsAre(1, 2, 3, 1, 2, 3));
  EXPECT_THAT(later.time_ms, ElementsAre(9, 4, 5));
  // Rows without a positive value are no events, but they are in the past all the same.
  const auto [some, rest] = DivideByEvents(Log({{"a", "i1", 1, 1},
                                                {"a", "i2", 2, -1},
                                                {"a", "i3", 3, 1},
                                                {"a", "i4", 4, 1},
                                                {"b", "i1", 1, 1},
                                                {"b", "i2", 2, 0}}),
                                           2);
  EXPECT_THAT(some.time_ms, ElementsAre(1, 2, 3));
  EXPECT_THAT(rest.time_ms, ElementsAre(4));
  EXPECT_EQ(DivideByEvents(test_, 5).later.size(), 0);
}

TEST_F(ColdStartTest, EachNumberOfEventsOnTheSameUsersAndItems) {
  const auto found = Run({3, 1, 3});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE(found->cold_start.has_value());
  const ColdStart& cold = *found->cold_start;
  EXPECT_EQ(cold.users, 2);
  ASSERT_THAT(cold.points, SizeIs(2));
  EXPECT_EQ(cold.points[0].events, 1);
  EXPECT_DOUBLE_EQ(Get(cold.points[0].at[0].mean, RankingMetric::kNdcg), 0.5);  // rank 3: 1 / log2(4)
  EXPECT_DOUBLE_EQ(Get(cold.points[0].at[0].mean, RankingMetric::kMrr), 1.0 / 3);
  EXPECT_EQ(cold.points[1].events, 3);
  EXPECT_DOUBLE_EQ(Get(cold.points[1].at[0].mean, RankingMetric::kNdcg), 1);
  EXPECT_THAT(cold.points[1].sources, ElementsAre(std::pair("events", 2)));
  EXPECT_THAT(cold.popularity, IsEmpty());
  EXPECT_THAT(cold.reference, IsEmpty());
  // The whole is the evaluation at the most events; i2, which b had before, is not to be found.
  EXPECT_EQ(found->relevant_items, 2);
  EXPECT_EQ(found->seen_items, 1);
  EXPECT_DOUBLE_EQ(Get(found->rankings[0].at[0].mean, RankingMetric::kNdcg), 1);
  EXPECT_THAT(found->notes[0], HasSubstr("1 of 3 test users have fewer than 3 events"));
  for (const auto& session : model_.sessions) {  // by time
    EXPECT_THAT(session, session.size() == 1 ? ElementsAreArray({"i1"}) : ElementsAreArray({"i1", "i2", "i3"}));
  }
}

TEST_F(ColdStartTest, BesidePopularityWithoutWhatUsersHadBefore) {
  // By users: i1 3, i2 2, i9 1, i8 1. Without the history (i1, i2, i3) i8 (first in the file) and i9 are left: rank 2.
  train_ = Log({{"p", "i1", 1, 1},
                {"q", "i1", 1, 1},
                {"r", "i1", 1, 1},
                {"p", "i2", 1, 1},
                {"q", "i2", 1, 1},
                {"p", "i8", 1, 1},
                {"q", "i9", 1, 1}});
  const auto found = Run({1, 3});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(found->cold_start->popularity, SizeIs(1));
  EXPECT_NEAR(Get(found->cold_start->popularity[0].mean, RankingMetric::kNdcg), 0.6309297535714575,
              1e-15);  // 1/log2(3)
}

TEST_F(ColdStartTest, ShareOfAModelTrainedOnTheSameUsers) {
  with_reference_ = true;
  const auto found = Run({1, 3});
  ASSERT_TRUE(found.ok()) << found.status();
  const ColdStart& cold = *found->cold_start;
  ASSERT_THAT(cold.reference, SizeIs(1));
  EXPECT_DOUBLE_EQ(Get(cold.reference[0].mean, RankingMetric::kNdcg), 1);
  EXPECT_DOUBLE_EQ(ShareOfReference(cold, cold.points[0], 0), 0.5);
  EXPECT_DOUBLE_EQ(ShareOfReference(cold, cold.points[1], 0), 1);

  const auto json = nlohmann::json::parse(EvaluationJson(*found));
  ASSERT_THAT(json["cold_start"], SizeIs(2));
  EXPECT_EQ(json["cold_start"][0]["events"], 1);
  EXPECT_EQ(json["cold_start"][0]["users"], 2);
  EXPECT_DOUBLE_EQ(json["cold_start"][0]["ndcg@10"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(json["cold_start"][0]["share_of_reference"]["ndcg@10"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(json["cold_start"][0]["reference"]["ndcg@10"].get<double>(), 1);
  const auto again = EvaluationFromJson(EvaluationJson(*found));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(EvaluationJson(*again), EvaluationJson(*found));
  EXPECT_THAT(EvaluationCsv(*found), HasSubstr("\ncold_start_1,ndcg,10,0.5,0\n"));
  EXPECT_THAT(EvaluationCsv(*found), HasSubstr("\ncold_start_1,ndcg_share_of_reference,10,0.5,\n"));
  EXPECT_THAT(EvaluationCsv(*found), HasSubstr("\ncold_start_reference,ndcg,10,1,0\n"));
  EXPECT_THAT(EvaluationText(*found), HasSubstr("\nfirst 1           10   1.0000     0.1000   0.5000"));
  EXPECT_THAT(EvaluationText(*found), HasSubstr("50.0 %"));
}

TEST_F(ColdStartTest, ItemsThatTheReferenceDoesNotKnowAreLeftOutForBoth) {
  with_reference_ = true;
  reference_.unknown = {"i5"};
  test_ = Log({{"a", "i1", 1, 1}, {"a", "i5", 2, 1}, {"a", "i9", 3, 1}});
  const auto found = Run({1});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->relevant_items, 1);
}

TEST_F(ColdStartTest, ReferenceThatIsNotComparableIsRefused) {
  with_reference_ = true;
  reference_.users = {"a"};
  EXPECT_THAT(Run({1, 3}).status().message(), HasSubstr("trained on 1 of the 2 users"));
  reference_.users = {"a", "b"};
  reference_.has = {"i9"};
  EXPECT_THAT(std::string(Run({1, 3}).status().message()), HasSubstr("anything to find"));
  test_ = Log({{"a", "i1", 1, 1}, {"a", "i9", 2, 1}, {"a", "i5", 3, 1}});
  EXPECT_THAT(Run({1}).status().message(), HasSubstr("1 of the 2 items that are to be found"));
}

TEST_F(ColdStartTest, HistoryOfAFile) {
  history_ = Log({{"a", "i2", 2, 1}, {"a", "i1", 1, 1}, {"a", "i3", 3, 1}, {"a", "i4", 4, 1}, {"b", "i1", 1, 1}});
  test_ = Log({{"a", "i9", 9, 1}, {"a", "i4", 9, 1}, {"b", "i9", 9, 1}, {"c", "i9", 9, 1}});
  const auto found = Run({1, 3});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->cold_start->users, 1);  // b has one event, c none
  EXPECT_EQ(found->relevant_items, 1);     // i4 stands in a's history
  EXPECT_THAT(found->notes[0], HasSubstr("2 of 3"));
}

TEST_F(ColdStartTest, SaysWhatIsWrong) {
  EXPECT_THAT(Run({}).status().message(), HasSubstr("no events"));
  EXPECT_THAT(Run({0, 1}).status().message(), HasSubstr("from 0,1 events, expected numbers from 1 to 256"));
  EXPECT_THAT(Run({257}).status().message(), HasSubstr("1 to 256"));
  EXPECT_THAT(Run({50}).status().message(), HasSubstr("none of 3 test users has 50 events"));
  model_.users = {"a"};
  const auto known = Run({1, 3});
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_THAT(known->notes[1], HasSubstr("trained on 1 of the 2 users"));
  test_.time_ms.clear();
  const auto untimed = Run({1});
  ASSERT_TRUE(untimed.ok()) << untimed.status();
  EXPECT_THAT(untimed->notes[0], HasSubstr("no times"));
}

}  // namespace
}  // namespace kindred
