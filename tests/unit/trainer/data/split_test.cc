#include "trainer/data/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/files.h"
#include "trainer/data/csv_writer.h"
#include "trainer/data/negatives.h"
#include "trainer/data/read_events.h"
#include "trainer/data/write_events.h"

namespace kindred {
namespace {

using kindred::testing::ListDirectory;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// User u does something with item i at time t, in this order.
EventLog Log(const std::vector<std::array<int, 3>>& rows) {
  EventLog log;
  for (const auto& [user, item, time] : rows) {
    log.user.push_back(static_cast<uint32_t>(user));
    log.item.push_back(static_cast<uint32_t>(item));
    log.time_ms.push_back(time);
    while (log.user_ids.size() <= static_cast<size_t>(user))
      log.user_ids.push_back("u" + std::to_string(log.user_ids.size()));
    while (log.item_ids.size() <= static_cast<size_t>(item))
      log.item_ids.push_back("i" + std::to_string(log.item_ids.size()));
  }
  return log;
}

EventLog ManyRows(int users, int rows_each) {
  std::vector<std::array<int, 3>> rows;
  for (int user = 0; user < users; ++user) {
    for (int i = 0; i < rows_each; ++i) rows.push_back({user, (user * 7 + i * 3) % 50, i});
  }
  return Log(rows);
}

void ExpectPartition(const EventLog& log, const Split& split) {
  std::vector<uint32_t> all;
  for (const auto* part : {&split.train, &split.valid, &split.test}) {
    EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
    all.insert(all.end(), part->begin(), part->end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), log.size());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST(SplitTest, RandomTakesExactSharesAndDependsOnTheSeedAlone) {
  const EventLog log = ManyRows(10, 10);
  SplitOptions options{.kind = SplitKind::kRandom, .test_fraction = 0.2, .valid_fraction = 0.1};
  const auto split = SplitRows(log, options);
  ASSERT_TRUE(split.ok()) << split.status();
  ExpectPartition(log, *split);
  EXPECT_EQ(split->test.size(), 20u);
  EXPECT_EQ(split->valid.size(), 10u);
  EXPECT_EQ(SplitRows(log, options)->test, split->test);
  options.seed = 43;
  EXPECT_NE(SplitRows(log, options)->test, split->test);
}

TEST(SplitTest, UserLastGoesByTimeThenByPosition) {
  const EventLog log = Log({{0, 0, 9}, {0, 1, 5}, {0, 2, 5}, {0, 3, 1}, {1, 0, 1}, {1, 1, 2}});
  const auto split =
      SplitRows(log, {.kind = SplitKind::kUserLast, .test_rows = 1, .valid_rows = 1, .min_user_items = 1});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_THAT(split->test, ElementsAre(0));
  EXPECT_THAT(split->valid, ElementsAre(2));
  EXPECT_THAT(split->train, ElementsAre(1, 3, 4, 5)) << "user 1 would have no training row left";
}

TEST(SplitTest, LeaveOneOutTakesEveryRowOfTheItem) {
  const EventLog log = Log({{0, 0, 1}, {0, 1, 2}, {0, 2, 3}, {0, 1, 4}, {1, 0, 1}, {1, 0, 2}});
  const auto split = SplitRows(log, {.kind = SplitKind::kLeaveOneOut, .valid_item = true, .min_user_items = 2});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_THAT(split->test, ElementsAre(1, 3));
  EXPECT_THAT(split->valid, ElementsAre(2));
  EXPECT_THAT(split->train, ElementsAre(0, 4, 5));
}

TEST(SplitTest, TimeKeepsRowsOfOneMomentTogether) {
  const EventLog log = Log({{0, 0, 1}, {0, 1, 2}, {0, 2, 3}, {0, 1, 3}, {1, 0, 4}});
  auto split = SplitRows(log, {.kind = SplitKind::kTime, .test_fraction = 0.4});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_THAT(split->test, ElementsAre(4)) << "the two rows of moment 3 stay on the earlier side";
  SplitOptions options{.kind = SplitKind::kTime};
  options.test_from_ms = 4;
  options.valid_from_ms = 3;
  split = SplitRows(log, options);
  EXPECT_THAT(split->test, ElementsAre(4));
  EXPECT_THAT(split->valid, ElementsAre(2, 3));
}

TEST(SplitTest, UserQuantileIsStrictlyAfterTheInterpolatedCut) {
  // Times 0, 10, 20, 30, 40: quantile 0.8 is 32. User 1 has too few items.
  const EventLog log = Log({{0, 0, 0}, {0, 1, 10}, {0, 2, 20}, {0, 3, 30}, {0, 4, 40}, {1, 0, 0}, {1, 1, 99}});
  auto split = SplitRows(log, {.kind = SplitKind::kUserQuantile});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_THAT(split->test, ElementsAre(4));
  // What is left of user 0 has times 0, 10, 20, 30: quantile 0.5 is 15.
  split = SplitRows(log, {.kind = SplitKind::kUserQuantile, .valid_quantile = 0.5});
  EXPECT_THAT(split->valid, ElementsAre(2, 3));
  // All at one moment: nothing is after it.
  const auto same = SplitRows(Log({{0, 0, 5}, {0, 1, 5}, {0, 2, 5}, {0, 3, 5}, {0, 4, 5}}), {});
  EXPECT_EQ(same.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(same.status().message(), HasSubstr("5 rows for training"));
}

TEST(SplitTest, UsersAreHeldOutWhole) {
  const EventLog log = ManyRows(20, 6);
  const auto split = SplitRows(log, {.kind = SplitKind::kUsers, .test_fraction = 0.25, .valid_fraction = 0.1});
  ASSERT_TRUE(split.ok()) << split.status();
  ExpectPartition(log, *split);
  std::set<uint32_t> test, train;
  for (uint32_t row : split->test) test.insert(log.user[row]);
  for (uint32_t row : split->train) train.insert(log.user[row]);
  EXPECT_EQ(test.size(), 5u);
  EXPECT_EQ(train.size(), 13u);
  for (uint32_t user : test) EXPECT_EQ(train.count(user), 0u);
}

TEST(SplitTest, WrongOptionsAreErrors) {
  EventLog log = ManyRows(3, 6);
  EXPECT_EQ(SplitRows(log, {.kind = SplitKind::kRandom, .test_fraction = 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(SplitRows(log, {.quantile = -0.1}).ok());
  log.time_ms.clear();
  EXPECT_THAT(SplitRows(log, {}).status().message(), HasSubstr("--time-column"));
  EXPECT_EQ(SplitRows(EventLog(), {.kind = SplitKind::kRandom}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*SplitKindFromName("leave-one-out"), SplitKind::kLeaveOneOut);
  EXPECT_THAT(SplitKindFromName("half").status().message(), HasSubstr("random, user_last"));
}

TEST(NegativesTest, AreItemsThatTheUserNeverTouched) {
  const EventLog log = ManyRows(20, 12);
  const auto split = SplitRows(log, {.kind = SplitKind::kLeaveOneOut});
  ASSERT_TRUE(split.ok()) << split.status();
  for (const bool by_popularity : {false, true}) {
    const Candidates candidates = SampleNegatives(log, *split, {.per_user = 20, .by_popularity = by_popularity});
    ASSERT_EQ(candidates.users.size(), 20u);
    for (size_t i = 0; i < candidates.users.size(); ++i) {
      EXPECT_EQ(candidates.relevant[i].size(), 1u);
      EXPECT_EQ(candidates.negatives[i].size(), 20u);
      const std::set<uint32_t> negatives(candidates.negatives[i].begin(), candidates.negatives[i].end());
      EXPECT_EQ(negatives.size(), 20u);
      for (size_t row = 0; row < log.size(); ++row) {
        const bool theirs = log.user[row] == candidates.users[i];
        EXPECT_FALSE(theirs && negatives.count(log.item[row]) > 0);
      }
    }
  }
}

TEST(SplitTest, FirstRowsOfEachUserAreTakenByTime) {
  EventLog log;
  log.user_ids = {"a", "b", "c"};
  log.item_ids = {"x"};
  log.user = {0, 1, 0, 0, 2, 1};
  log.item.assign(6, 0);
  log.time_ms = {30, 5, 10, 20, 1, 5};
  std::vector<uint32_t> rows = {0, 1, 2, 3, 5};  // c is no test user
  EXPECT_THAT(TakeFirstRows(log, 2, &rows), ElementsAre(1, 2, 3, 5));
  EXPECT_THAT(rows, ElementsAre(0));
  log.time_ms.clear();
  rows = {0, 2, 3, 4};
  EXPECT_THAT(TakeFirstRows(log, 1, &rows), ElementsAre(0, 4));
  EXPECT_THAT(rows, ElementsAre(2, 3));
}

TEST(NegativesTest, PopularItemsAreDrawnMoreOftenAndASmallCatalogueRunsOut) {
  // Item 1 has 30 training rows, items 2 and 3 have 1 each; user 0 touched item 0 only.
  std::vector<std::array<int, 3>> rows = {{0, 0, 1}, {0, 0, 2}};
  for (int i = 0; i < 30; ++i) rows.push_back({1, 1, i});
  rows.push_back({1, 2, 40});
  rows.push_back({1, 3, 41});
  const EventLog log = Log(rows);
  Split split;
  split.test = {1};
  for (uint32_t row = 0; row < log.size(); ++row) {
    if (row != 1) split.train.push_back(row);
  }
  int first = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Candidates one = SampleNegatives(log, split, {.per_user = 1, .by_popularity = true, .seed = seed});
    first += one.negatives[0][0] == 1;
  }
  EXPECT_GT(first, 170);  // 187.5 expected
  EXPECT_THAT(SampleNegatives(log, split, {.per_user = 99}).negatives[0], ElementsAre(1, 2, 3));
}

TEST(NegativesTest, ReadBackAndErrorsNameTheCell) {
  const EventLog log = ManyRows(5, 10);
  const auto split = SplitRows(log, {.kind = SplitKind::kLeaveOneOut});
  const Candidates written = SampleNegatives(log, *split, {.per_user = 5});
  TempDir dir;
  const std::string path = dir.File("candidates.csv.gz");
  ASSERT_TRUE(WriteCandidates(log, written, path).ok());
  const auto read = ReadCandidates(log, path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->users, written.users);
  EXPECT_EQ(read->relevant, written.relevant);
  EXPECT_EQ(read->negatives, written.negatives);
  const std::string other = dir.File("other.csv");
  WriteFile(other, "user_id,item_id,relevant\nu0,who,1\n");
  EXPECT_THAT(ReadCandidates(log, other).status().message(), HasSubstr("line 2, column 'item_id'"));
  WriteFile(other, "user_id,item_id,relevant\nu0,i0,yes\n");
  EXPECT_THAT(ReadCandidates(log, other).status().message(), HasSubstr("expected 0 or 1"));
}

TEST(WriteEventsTest, AWrittenLogReadsBackBitByBit) {
  EventLog log = ManyRows(3, 4);
  log.user_ids = {"a, \"b\"", "lines\nbreak", std::string(1000, 'x')};
  log.item_ids[0] = " ünïcode ";
  log.action_ids = {"view"};
  log.action.assign(log.size(), 0);
  log.session_ids = {"s"};
  log.session.assign(log.size(), 0);
  for (size_t row = 0; row < log.size(); ++row) {
    log.value.push_back(0.1f + static_cast<float>(row));
    log.time_ms[row] = 1'483'830'932'000 + static_cast<int64_t>(row);
  }
  TempDir dir;
  const std::string path = dir.File("events.csv.gz");
  std::vector<uint32_t> rows(log.size());
  for (uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
  const auto csv = CsvWriter::Create(path);
  ASSERT_TRUE(csv.ok()) << csv.status();
  WriteEventRows(log, rows, csv->get());
  EXPECT_NE(ListDirectory(dir.path()), std::vector<std::string>{"events.csv.gz"}) << "not before it is whole";
  ASSERT_TRUE((*csv)->Finish().ok());
  EXPECT_THAT(ListDirectory(dir.path()), ElementsAre("events.csv.gz"));
  EventReadOptions options;
  options.action_column = "action";
  options.session_column = "session";
  Progress silent(Progress::Mode::kSilent);
  const auto read = ReadEvents({path}, options, &silent);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->log.user_ids, log.user_ids);
  EXPECT_EQ(read->log.item_ids[0], " ünïcode ");
  EXPECT_EQ(read->log.value, log.value);
  EXPECT_EQ(read->log.time_ms, log.time_ms);
  { ASSERT_TRUE(CsvWriter::Create(dir.File("dropped.csv")).ok()); }
  EXPECT_THAT(ListDirectory(dir.path()), ElementsAre("events.csv.gz")) << "what is not finished leaves nothing";
  EXPECT_FALSE(CsvWriter::Create(dir.File("no/such/folder.csv")).ok());
}

}  // namespace
}  // namespace kindred
