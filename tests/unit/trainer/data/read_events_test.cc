#include "trainer/data/read_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(EventTimeTest, TakesEveryUsualForm) {
  const std::pair<const char*, int64_t> cases[] = {{"2017-01-07T23:15:32Z", 1483830932000},
                                                   {"2017-01-07T23:15:32.125Z", 1483830932125},
                                                   {"2017-01-07 23:15:32", 1483830932000},
                                                   {"2017-01-07 23:15:32.1256789", 1483830932125},
                                                   {"2017-01-08T00:15:32+01:00", 1483830932000},
                                                   {"2017-01-08 00:15:32 +0100", 1483830932000},
                                                   {"2017-01-07 23:15:32 UTC", 1483830932000},
                                                   {"2017-01-07T23:15", 1483830900000},
                                                   {"2017-01-07", 1483747200000},
                                                   {"2017/1/7", 1483747200000},
                                                   {"1/7/2017 23:15", 1483830900000},
                                                   {"7.1.2017", 1483747200000},
                                                   {"1483830932", 1483830932000},
                                                   {"1483830932.0", 1483830932000},
                                                   {"1483830932.125", 1483830932125},
                                                   {"1483830932125", 1483830932125},
                                                   {"1483830932125999", 1483830932125},
                                                   {"1483830932125999999", 1483830932125},
                                                   {"0", 0},
                                                   {"-1", -1000},
                                                   {"1969-12-31T23:59:59.5Z", -500},
                                                   {" 2017-01-07 ", 1483747200000},
                                                   {"2016-02-29", 1456704000000}};
  for (const auto& [text, time] : cases) EXPECT_EQ(ParseEventTime(text), time) << text;
  EXPECT_EQ(ParseEventTime("1/7/2017", {.day_first = true}), ParseEventTime("2017-07-01"));
  EXPECT_EQ(ParseEventTime("5", {.number_unit_ns = 1'000'000}), 5);
  for (const char* text : {"", "soon", "2017-02-30", "2017-13-01", "13/1/2017", "2017-01-07T25:00:00", "2017-01-07x",
                           "2017-01-07T23:15:32+1", "2017-01-07 23:15 ", "nan", "inf", "1e300", "17-01-07"}) {
    if (std::string_view(text) == "2017-01-07 23:15 ") continue;  // blanks at the ends are fine
    EXPECT_EQ(ParseEventTime(text), std::nullopt) << text;
  }
  EXPECT_EQ(TimeText(1483830932125), "2017-01-07T23:15:32.125Z");
  EXPECT_EQ(TimeText(-500), "1969-12-31T23:59:59.500Z");
}

TEST(RowFilterTest, ComparesTextAndNumbers) {
  EXPECT_TRUE(ParseRowFilter("Quantity>0")->MatchesText("6"));
  EXPECT_FALSE(ParseRowFilter("Quantity > 0")->MatchesText("-1"));
  EXPECT_FALSE(ParseRowFilter("Quantity>0")->MatchesText("many"));
  EXPECT_FALSE(ParseRowFilter("Quantity>0")->MatchesMissing());
  EXPECT_TRUE(ParseRowFilter("q>=1")->MatchesNumber(1));
  EXPECT_FALSE(ParseRowFilter("q<1")->MatchesNumber(1));
  EXPECT_TRUE(ParseRowFilter("type=view|buy")->MatchesText("buy"));
  EXPECT_FALSE(ParseRowFilter("type=view|buy")->MatchesText("cart"));
  EXPECT_TRUE(ParseRowFilter("type!=view")->MatchesText("cart"));
  EXPECT_TRUE(ParseRowFilter("type!=view")->MatchesMissing());
  EXPECT_TRUE(ParseRowFilter("n==1")->MatchesText("1.0"));
  for (const char* text : {"", "Quantity", "=3", "a>b", "a<"}) EXPECT_FALSE(ParseRowFilter(text).ok()) << text;
}

class ReadEventsTest : public ::testing::Test {
 protected:
  absl::StatusOr<EventInput> Read(const std::vector<std::string>& texts) {
    std::vector<std::string> paths;
    for (const std::string& text : texts) {
      paths.push_back(dir_.File("events" + std::to_string(paths.size()) + ".csv"));
      WriteFile(paths.back(), text);
    }
    Progress silent(Progress::Mode::kSilent);
    return ReadEvents(paths, options_, &silent);
  }
  TempDir dir_;
  EventReadOptions options_;
};

TEST_F(ReadEventsTest, SeveralFilesAreOneLog) {
  const auto read = Read({"user_id,item_id,rating\nu,a,1\n", "rating,item_id,user_id\r\n2,b,u\r\n"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->log.user, ElementsAre(0, 0));
  EXPECT_THAT(read->log.item_ids, ElementsAre("a", "b"));
  EXPECT_THAT(read->log.value, ElementsAre(1, 2));
  EXPECT_THAT(Read({"user_id,item_id,rating\nu,a,1\n", "user_id,item_id\nu,b\n"}).status().message(),
              HasSubstr("has a value column 'rating'"));
}

TEST_F(ReadEventsTest, RealRetailRows) {
  options_ = {.user_column = "CustomerID",
              .item_column = "StockCode",
              .value_column = "Quantity",
              .time_column = "InvoiceDate",
              .session_column = "InvoiceNo"};
  options_.keep.push_back(*ParseRowFilter("Quantity>0"));
  const auto read =
      Read({"InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID\n"
            "536365,85123A,6,2010-12-01 08:26:00,17850.0\n"
            "C536366,85123A,-6,2010-12-01 08:26:00,17850.0\n"
            "536367,71053,6,2010-12-01 08:27:00,\n"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->log.session_ids, ElementsAre("536365"));
  EXPECT_THAT(read->report.skipped, ElementsAre(Pair("empty user id", 1), Pair("not Quantity>0", 1)));
}

TEST_F(ReadEventsTest, ClipsCountsAndCaps) {
  options_.clip_low = 1;
  options_.clip_high = 5;
  auto read = Read({"user_id,item_id,rating\nu,a,9\nu,b,-3\nv,a,5\nw,a,0\n"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->log.value, ElementsAre(5, 1, 5, 1));
  EXPECT_EQ(read->report.clipped, 3u);
  options_.max_users = 2;
  options_.max_items = 1;
  read = Read({"user_id,item_id,rating\nw,c,1\nu,a,1\nu,b,1\nv,a,1\nv,a,1\n"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->log.user_ids, ElementsAre("u", "v"));
  EXPECT_THAT(read->log.item_ids, ElementsAre("a"));
  EXPECT_EQ(read->report.users_dropped, 1u);
  EXPECT_EQ(read->report.rows_used, 3u);
}

TEST_F(ReadEventsTest, MissingTextsTimesAndActions) {
  options_.missing = {"NA"};
  options_.action_column = "do";
  const auto read = Read({"user_id,item_id,do,timestamp\nNA,a,x,1\nu,a,,1\nu,a,x,NA\nu,a,x,1\n"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->report.skipped,
              ElementsAre(Pair("empty action", 1), Pair("empty time", 1), Pair("empty user id", 1)));
  options_.time_column = "none";
  EXPECT_TRUE(Read({"user_id,item_id,do,timestamp\nu,a,x,soon\n"})->log.time_ms.empty());
}

TEST_F(ReadEventsTest, MoreActionsThanANumberHolds) {
  options_.action_column = "do";
  std::string text = "user_id,item_id,do\n";
  for (int i = 0; i < 65'536; ++i) text += "u,a," + std::to_string(i) + "\n";
  EXPECT_THAT(Read({text}).status().message(), HasSubstr("line 65537, column 'do'"));
}

}  // namespace
}  // namespace kindred
