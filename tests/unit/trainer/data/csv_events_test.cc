#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"
#include "trainer/data/aggregate.h"
#include "trainer/data/read_events.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

struct Ingested {
  Interactions interactions;
  IngestReport report;
};

class CsvEventsTest : public ::testing::Test {
 protected:
  absl::StatusOr<Ingested> Read(const std::string& text) {
    WriteFile(path_, text);
    Progress silent(Progress::Mode::kSilent);
    const auto input = ReadEvents({path_}, options_, &silent);
    if (!input.ok()) return input.status();
    return Ingested{AggregateEvents(input->log, aggregate_), input->report};
  }

  void ExpectError(const std::string& text, const std::vector<std::string>& parts) {
    const auto read = Read(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.status().message(), HasSubstr(path_));
    for (const std::string& part : parts) EXPECT_THAT(read.status().message(), HasSubstr(part));
  }

  TempDir dir_;
  std::string path_ = dir_.File("events.csv");
  EventReadOptions options_;
  AggregateOptions aggregate_;
};

TEST_F(CsvEventsTest, NumbersIdsInTheOrderTheyCome) {
  const auto read = Read("user_id,item_id\nu2,b\nu1,a\nu2,a\nu2,b\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->interactions.user_ids, ElementsAre("u2", "u1"));
  EXPECT_THAT(read->interactions.item_ids, ElementsAre("b", "a"));
  EXPECT_THAT(read->interactions.values.values, ElementsAre(2, 1, 1));
  EXPECT_EQ(read->report.rows_read, 4u);
  EXPECT_EQ(read->report.value_column, "");
  EXPECT_EQ(read->report.users_below_five, 2u);
}

TEST_F(CsvEventsTest, TakesTheRatingColumnByItself) {
  const auto read = Read("rating,user_id,item_id\n4.5,u,a\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->interactions.values.values, ElementsAre(4.5));
  EXPECT_EQ(read->report.value_column, "rating");
}

TEST_F(CsvEventsTest, ColumnsAreNamed) {
  options_.user_column = "who";
  options_.item_column = "what";
  options_.value_column = "much";
  const auto read = Read("what,much,who,rating\na,2,u,9\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->interactions.user_ids, ElementsAre("u"));
  EXPECT_THAT(read->interactions.values.values, ElementsAre(2));
}

TEST_F(CsvEventsTest, MissingColumnNamesThoseThereAre) {
  ExpectError("user_id,product\nu,a\n", {"'item_id'", "user_id, product"});
  options_.value_column = "amount";
  ExpectError("user_id,item_id\nu,a\n", {"'amount'", "user_id, item_id"});
}

TEST_F(CsvEventsTest, IdsMayHoldAnythingTextMay) {
  const std::string longest(1000, 'x');
  const auto read = Read("user_id,item_id\n\"a, \"\"b\"\"\",Crème\n" + longest + ",Crème\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->interactions.user_ids, ElementsAre("a, \"b\"", longest));
}

TEST_F(CsvEventsTest, EmptyCellsAndZerosAreSkippedAndCounted) {
  const auto read = Read("user_id,item_id,rating\n,a,1\nu,,1\nu,a,\nu,a,0\nu,b,2\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->report.skipped, ElementsAre(Pair("empty item id", 1), Pair("empty user id", 1),
                                                Pair("empty value", 1), Pair("value of 0", 1)));
  EXPECT_EQ(read->report.rows_used, 1u);
}

TEST_F(CsvEventsTest, BadCellsAreErrorsWithLineAndColumn) {
  ExpectError("user_id,item_id,rating\nu,a,1\nu,b,x\n",
              {"line 3", "'rating'", "'x'", "finite number", "--skip-bad-rows"});
  ExpectError("user_id,item_id,rating\nu,a,NaN\n", {"line 2", "'NaN'"});
  ExpectError("user_id,item_id,rating\nu,a,1e400\n", {"line 2", "'1e400'"});
  ExpectError("user_id,item_id,rating\nu,a,-2\n", {"line 2", "'-2'", "≥ 0"});
  ExpectError("user_id,item_id\n\xff,a\n", {"line 2", "'user_id'", "UTF-8"});
  ExpectError("user_id,item_id\nu," + std::string(1025, 'x') + "\n", {"'item_id'", "1025 bytes"});
}

TEST_F(CsvEventsTest, BadRowsCanBeSkippedAndTheFirstIsShown) {
  options_.skip_bad_rows = true;
  const auto read = Read("user_id,item_id,rating\nu,a,1\nu,b,x\nu,c,-2\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->report.skipped, ElementsAre(Pair("bad rows", 2)));
  EXPECT_THAT(read->report.first_bad_row, HasSubstr("line 3"));
  EXPECT_EQ(Read("user_id,item_id\nu\n").status().code(), absl::StatusCode::kInvalidArgument)
      << "a row of the wrong shape is no bad cell: what follows cannot be trusted";
}

TEST_F(CsvEventsTest, NegativeValuesWhereTheyMeanSomething) {
  options_.allow_negative = true;
  const auto read = Read("user_id,item_id,rating\nu,a,-2\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->interactions.values.values, ElementsAre(-2));
}

TEST_F(CsvEventsTest, TimesCutAndOrder) {
  options_.time_column = "at";
  options_.before_ms = ParseEventTime("2017-02-01");
  aggregate_.aggregation = Aggregation::kLast;
  const auto read =
      Read("user_id,item_id,rating,at\nu,a,1,2017-01-31 23:59:59\nu,a,2,2017-01-01\nu,a,3,2017-02-01 00:00:00\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->interactions.values.values, ElementsAre(1));
  EXPECT_EQ(read->report.skipped.size(), 1u);
  ExpectError("user_id,item_id,at\nu,a,soon\n", {"line 2", "'at'", "'soon'"});
}

TEST_F(CsvEventsTest, NothingToTrainOn) {
  EXPECT_EQ(Read("user_id,item_id\n").status().code(), absl::StatusCode::kFailedPrecondition);
  ExpectError("user_id,item_id\n", {"0 rows behind the header"});
  ExpectError("user_id,item_id,rating\nu,a,0\nu,b,0\n", {"2 skipped: value of 0"});
  options_.min_user_items = 2;
  ExpectError("user_id,item_id\nu,a\nv,b\n", {"2 users and 2 items", "--min-user-items"});
}

TEST_F(CsvEventsTest, MinimumInteractionsAreCounted) {
  options_.min_user_items = 2;
  const auto read = Read("user_id,item_id\nu,a\nu,b\nv,c\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->interactions.user_ids, ElementsAre("u"));
  EXPECT_EQ(read->report.users_dropped, 1u);
  EXPECT_EQ(read->report.items_dropped, 1u);
}

}  // namespace
}  // namespace kindred
