#include "trainer/data/sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace kindred {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kMinute = 60'000;

// One user, item i at times[i].
EventLog At(const std::vector<int64_t>& times) {
  EventLog log;
  log.user_ids = {"ann"};
  for (size_t i = 0; i < times.size(); ++i) {
    log.item_ids.push_back("i" + std::to_string(i));
    log.user.push_back(0);
    log.item.push_back(static_cast<uint32_t>(i));
    log.time_ms.push_back(times[i]);
  }
  return log;
}

std::vector<std::vector<std::string>> Names(const TokenSequences& sequences) {
  std::vector<std::vector<std::string>> out;
  for (size_t s = 0; s < sequences.size(); ++s) {
    out.emplace_back();
    for (uint32_t token : sequences.Sequence(s)) out.back().push_back(sequences.token_ids[token]);
  }
  return out;
}

using Lists = std::vector<std::vector<std::string>>;

TEST(SessionsTest, APauseOfExactlyTheGapDoesNotSplitAndOneMillisecondMoreDoes) {
  const auto whole = MakeSequences(At({0, 30 * kMinute, 60 * kMinute}), {});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(Names(*whole), Lists({{"i0", "i1", "i2"}}));
  const auto split = MakeSequences(At({0, 30 * kMinute, 60 * kMinute + 1}), {});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(Names(*split), Lists({{"i0", "i1"}, {"i2"}}));
  const auto shorter = MakeSequences(At({0, 30 * kMinute, 60 * kMinute + 1}), {.gap_minutes = 0.5});
  ASSERT_TRUE(shorter.ok()) << shorter.status();
  EXPECT_EQ(shorter->size(), 3u);
}

TEST(SessionsTest, TimesBefore1970AndFarApartDoNotOverflow) {
  const auto split = MakeSequences(At({std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}), {});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(Names(*split), Lists({{"i0"}, {"i1"}}));
}

TEST(SessionsTest, EventsAreOrderedByTimeAndEqualTimesKeepTheOrderOfRows) {
  const auto ordered = MakeSequences(At({5, 1, 5, 1, 0}), {});
  ASSERT_TRUE(ordered.ok()) << ordered.status();
  EXPECT_EQ(Names(*ordered), Lists({{"i4", "i1", "i3", "i0", "i2"}}));
  EXPECT_THAT(ordered->token_item, ElementsAre(4, 1, 3, 0, 2));
}

TEST(SessionsTest, UsersAreNeverInOneSequenceWhateverTheirTimes) {
  EventLog log = At({0, 1, 2, 3});
  log.user_ids = {"ann", "bob"};
  log.user = {1, 0, 1, 0};
  const auto sequences = MakeSequences(log, {});
  ASSERT_TRUE(sequences.ok()) << sequences.status();
  EXPECT_EQ(Names(*sequences), Lists({{"i1", "i3"}, {"i0", "i2"}}));
  EXPECT_THAT(sequences->user, ElementsAre(0, 1));
}

TEST(SessionsTest, TokensPutTheActionFirst) {
  EventLog log = At({0, 1, 2});
  log.item_ids = {"prod_001", "žluť, \"quoted\""};
  log.item = {0, 1, 0};
  log.action_ids = {"view", "add to cart"};
  log.action = {0, 1, 1};
  const auto sequences = MakeSequences(log, {});
  ASSERT_TRUE(sequences.ok()) << sequences.status();
  EXPECT_EQ(Names(*sequences), Lists({{"view_prod_001", "add to cart_žluť, \"quoted\"", "add to cart_prod_001"}}));
  EXPECT_THAT(sequences->token_action, ElementsAre(0, 1, 1));
  EXPECT_THAT(sequences->token_item, ElementsAre(0, 1, 0));

  const auto items = MakeSequences(log, {.with_actions = false});
  ASSERT_TRUE(items.ok()) << items.status();
  EXPECT_THAT(items->token_ids, ElementsAre("prod_001", "žluť, \"quoted\""));
  EXPECT_THAT(items->token_action, IsEmpty());
  EXPECT_THAT(items->token_count, ElementsAre(2, 1));
}

TEST(SessionsTest, TwoTokensOfOneNameAreAnError) {
  EventLog log = At({0, 1});
  log.item_ids = {"b_c", "c"};
  log.action_ids = {"a", "a_b"};
  log.action = {0, 1};
  const auto sequences = MakeSequences(log, {});
  ASSERT_FALSE(sequences.ok());
  EXPECT_THAT(sequences.status().message(), HasSubstr("a_b_c"));
  EXPECT_THAT(sequences.status().message(), HasSubstr("without actions"));
}

TEST(SessionsTest, ASessionColumnGroupsWhatTimeInterleaves) {
  EventLog log = At({0, 1, 2, 3});
  log.session_ids = {"s1", "s2"};
  log.session = {1, 0, 1, 0};
  const auto sequences = MakeSequences(log, {.split = SessionSplit::kColumn});
  ASSERT_TRUE(sequences.ok()) << sequences.status();
  EXPECT_EQ(Names(*sequences), Lists({{"i0", "i2"}, {"i1", "i3"}}));
}

TEST(SessionsTest, OneSequenceAUserNeedsNoTimes) {
  EventLog log = At({0, 0, 0});
  log.time_ms.clear();
  const auto sequences = MakeSequences(log, {.split = SessionSplit::kUser});
  ASSERT_TRUE(sequences.ok()) << sequences.status();
  EXPECT_EQ(Names(*sequences), Lists({{"i0", "i1", "i2"}}));
}

TEST(SessionsTest, MissingColumnsAreErrorsThatSayWhatToDo) {
  EventLog log = At({0});
  log.time_ms.clear();
  const auto gap = MakeSequences(log, {});
  ASSERT_FALSE(gap.ok());
  EXPECT_THAT(gap.status().message(), HasSubstr("time column"));
  const auto column = MakeSequences(log, {.split = SessionSplit::kColumn});
  ASSERT_FALSE(column.ok());
  EXPECT_THAT(column.status().message(), HasSubstr("session column"));
  for (double minutes : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(MakeSequences(At({0}), {.gap_minutes = minutes}).ok()) << minutes;
  }
}

TEST(SessionsTest, ShortSequencesAndRareTokensAreLeftOutAndCounted) {
  EventLog log = At({0, 1, 2, 100 * kMinute, 200 * kMinute, 200 * kMinute});
  log.item_ids = {"a", "b", "c", "d"};
  log.item = {0, 1, 0, 0, 3, 0};
  const auto sequences = MakeSequences(log, {.min_tokens = 2, .min_occurrences = 2});
  ASSERT_TRUE(sequences.ok()) << sequences.status();
  EXPECT_EQ(Names(*sequences), Lists({{"a", "a"}}));
  EXPECT_EQ(sequences->left_out_sequences, 2u);  // {a} and, without the rare d, {a}
  EXPECT_EQ(sequences->left_out_events, 4u);
  EXPECT_THAT(sequences->token_count, ElementsAre(2));
}

TEST(SessionsTest, OneEventAndNoEvent) {
  const auto one = MakeSequences(At({7}), {});
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(Names(*one), Lists({{"i0"}}));
  const auto none = MakeSequences(EventLog(), {.split = SessionSplit::kUser});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->size(), 0u);
}

TEST(SessionsTest, SplitNamesReadBack) {
  for (SessionSplit split : {SessionSplit::kGap, SessionSplit::kColumn, SessionSplit::kUser}) {
    EXPECT_EQ(*SessionSplitFromName(SessionSplitName(split)), split);
  }
  EXPECT_FALSE(SessionSplitFromName("basket").ok());
}

}  // namespace
}  // namespace kindred
