#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"
#include "trainer/data/read_events.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class JsonEventsTest : public ::testing::Test {
 protected:
  absl::StatusOr<EventInput> Read(const std::string& text) {
    WriteFile(path_, text);
    Progress silent(Progress::Mode::kSilent);
    return ReadEvents({path_}, options_, &silent);
  }
  void ExpectError(const std::string& text, const std::vector<std::string>& parts) {
    const auto read = Read(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.status().message(), HasSubstr(path_));
    for (const std::string& part : parts) EXPECT_THAT(read.status().message(), HasSubstr(part));
  }
  TempDir dir_;
  std::string path_ = dir_.File("events.jsonl");
  EventReadOptions options_;
};

TEST_F(JsonEventsTest, OneEventALine) {
  const auto read = Read(
      "\xEF\xBB\xBF{\"user_id\": 7, \"item_id\": \"a,\\\"\\u00fc\", \"rating\": 2.5, \"timestamp\": 1483830932}\r\n\n"
      "{\"item_id\": 8, \"user_id\": \"7\", \"rating\": 1, \"timestamp\": \"2017-01-07T23:15:32Z\"}\n"
      "{\"item_id\": 8, \"user_id\": null, \"rating\": 1, \"timestamp\": 0}\n"
      "{\"item_id\": 8, \"user_id\": 9, \"timestamp\": 0}");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->log.user_ids, ElementsAre("7"));
  EXPECT_THAT(read->log.item_ids, ElementsAre("a,\"ü", "8"));
  EXPECT_THAT(read->log.value, ElementsAre(2.5, 1));
  EXPECT_THAT(read->log.time_ms, ElementsAre(1483830932000, 1483830932000));
  EXPECT_THAT(read->report.skipped, ElementsAre(Pair("empty user id", 1), Pair("empty value", 1)));
}

TEST_F(JsonEventsTest, EventsNestedInALineWithWhatTheLineSays) {
  options_ = {.user_column = "session",
              .item_column = "aid",
              .time_column = "ts",
              .action_column = "meta.type",
              .json_events = "events"};
  const auto read = Read(
      "{\"session\":0,\"events\":[{\"aid\":15,\"ts\":1659304800025,\"meta\":{\"type\":\"clicks\"}},"
      "{\"aid\":16,\"ts\":1659304904511,\"meta\":{\"type\":\"orders\"}}]}\n{\"session\":1,\"events\":[]}\n");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->log.user_ids, ElementsAre("0"));
  EXPECT_THAT(read->log.item_ids, ElementsAre("15", "16"));
  EXPECT_THAT(read->log.action_ids, ElementsAre("clicks", "orders"));
  EXPECT_THAT(read->log.time_ms, ElementsAre(1659304800025, 1659304904511));
  ExpectError("{\"session\":0,\"events\":[{\"aid\":15,\"ts\":1,\"meta\":{\"type\":\"c\"}},{\"aid\":[1],\"ts\":1}]}",
              {"line 1, event 2, column 'aid'", "found an array"});
  ExpectError("{\"session\":0,\"clicks\":[]}", {"line 1", "no member 'events'", "clicks, session"});
  ExpectError("{\"session\":0,\"events\":{}}", {"line 1", "'events' is no array"});
}

TEST_F(JsonEventsTest, WhatIsNoEventIsNamed) {
  ExpectError("", {"is empty"});
  ExpectError("{\"user_id\":1,\"item_id\":2}\n{\"user_id\":1,", {"line 2", "no JSON at byte"});
  ExpectError("[{\"user_id\":1}]", {"line 1", "one object a line"});
  ExpectError("{\"user\":1,\"item_id\":2}", {"line 1", "no member 'user_id'", "item_id, user"});
  ExpectError("{\"user_id\":1,\"item_id\":2,\"rating\":\"x\"}", {"line 1, column 'rating'", "'x'"});
  ExpectError("{\"user_id\":1.5,\"item_id\":2}", {"line 1, column 'user_id'", "1.5", "expected an id"});
  ExpectError(std::string(100'000, '['), {"line 1", "no JSON"});
}

}  // namespace
}  // namespace kindred
