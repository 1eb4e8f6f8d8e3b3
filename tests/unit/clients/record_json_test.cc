#include "clients/cli/record_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace kindred {
namespace {

using ::testing::HasSubstr;

v1::ProfileRecord Parsed(std::string_view line) {
  const auto record = RecordFromJson(line);
  EXPECT_TRUE(record.ok()) << record.status();
  return record.ok() ? *record : v1::ProfileRecord();
}

std::string Fault(std::string_view line) {
  const auto record = RecordFromJson(line);
  EXPECT_EQ(record.status().code(), absl::StatusCode::kInvalidArgument) << line;
  return std::string(record.status().message());
}

TEST(RecordJson, IsOneLineInAFixedOrder) {
  v1::ProfileRecord record;
  record.set_user_id("ann");
  record.set_version(2);
  record.set_updated_ms(-5);
  record.set_epoch(1);
  record.add_update_ids("order-17");
  v1::EventRecord* event = record.add_events();
  event->set_item_id("a\nb");
  event->set_action("view");
  event->set_time_ms(1'764'000'000'000);
  event->set_weight(0.1);
  event->set_blend_step(1);
  event->set_origin(4'294'967'295);
  EXPECT_EQ(RecordToJson(record),
            R"({"user_id":"ann","version":2,"updated_ms":-5,"epoch":1,"update_ids":["order-17"],"events":[{"item_id":)"
            R"("a\nb","action":"view","time_ms":1764000000000,"weight":0.1,"blend_step":1,"origin":4294967295}]})");
  record.Clear();
  record.set_user_id("ünïcödé");
  EXPECT_EQ(RecordToJson(record), R"({"user_id":"ünïcödé","version":0,"updated_ms":0,"events":[]})");
}

TEST(RecordJson, NothingIsLostOnTheWay) {
  v1::ProfileRecord record;
  record.set_user_id("\x01 \"quoted\" \\ ünï");
  record.set_version(uint64_t{1} << 53);
  record.set_updated_ms(std::numeric_limits<int64_t>::min());
  record.set_epoch(std::numeric_limits<uint64_t>::max());
  for (double weight : {1.0, 0.1, 1e-300, 1.7976931348623157e308, 123456.789012345}) {
    v1::EventRecord* event = record.add_events();
    event->set_item_id("i");
    event->set_weight(weight);
    event->set_time_ms(std::numeric_limits<int64_t>::max());
  }
  EXPECT_EQ(Parsed(RecordToJson(record)).SerializeAsString(), record.SerializeAsString());
}

TEST(RecordJson, WhatIsLeftOutHasItsDefault) {
  const v1::ProfileRecord record = Parsed(R"({"user_id":"u","version":1,"events":[{"item_id":"i","time_ms":5}]})");
  EXPECT_EQ(record.updated_ms(), 0);
  EXPECT_EQ(record.epoch(), 0u);
  ASSERT_EQ(record.events_size(), 1);
  EXPECT_EQ(record.events(0).weight(), 1.0);
  EXPECT_EQ(record.events(0).action(), "");
  EXPECT_EQ(Parsed(R"( {"version": 1, "user_id": "u"} )").events_size(), 0);
  EXPECT_EQ(
      Parsed(R"({"user_id":"u","version":1,"events":[{"item_id":"i","time_ms":5,"weight":3}]})").events(0).weight(),
      3.0);
}

TEST(RecordJson, WhatIsWrongIsNamedWithItsPlace) {
  EXPECT_THAT(Fault("{\"user_id\":\"u\",}"), HasSubstr("not JSON at byte 16: "));
  EXPECT_THAT(Fault(""), HasSubstr("not JSON at byte 1: "));
  EXPECT_THAT(Fault("{} {}"), HasSubstr("not JSON at byte 4: "));
  EXPECT_THAT(Fault("{\"user_id\":\"\xff\"}"), HasSubstr("not JSON at byte "));
  EXPECT_EQ(Fault("[1]"), "the line is a list, expected an object");
  EXPECT_EQ(Fault("7"), "the line is 7, expected an object");
  EXPECT_EQ(Fault(R"({"version":1})"), "user_id is not there");
  EXPECT_EQ(Fault(R"({"user_id":"u"})"), "version is not there");
  EXPECT_EQ(Fault(R"({"user_id":5,"version":1})"), "user_id is 5, expected a text");
  EXPECT_EQ(Fault(R"({"user_id":"u","version":"1"})"),
            "version is \"1\", expected a whole number from 0 to 18446744073709551615");
  for (const char* version : {"-1", "1.5", "1e3", "null", "18446744073709551616"}) {
    EXPECT_THAT(Fault(std::string(R"({"user_id":"u","version":)") + version + "}"),
                HasSubstr("expected a whole number"))
        << version;
  }
  EXPECT_EQ(Fault(R"({"user_id":"u","version":1,"evnts":[]})"),
            "evnts is no field; expected user_id, version, updated_ms, epoch, update_ids, events");
  EXPECT_EQ(Fault(R"({"user_id":"u","version":1,"events":{}})"), "events is an object, expected a list");
  EXPECT_EQ(Fault(R"({"user_id":"u","version":1,"update_ids":["a",2]})"), "update_ids[1] is 2, expected a text");
  const auto event = [](const std::string& text) {
    return Fault(R"({"user_id":"u","version":1,"events":[{"item_id":"i","time_ms":1},)" + text + "]}");
  };
  EXPECT_EQ(event("3"), "events[1] is 3, expected an object");
  EXPECT_EQ(event(R"({"time_ms":1})"), "events[1].item_id is not there");
  EXPECT_EQ(event(R"({"item_id":"i"})"), "events[1].time_ms is not there");
  EXPECT_EQ(event(R"({"item_id":"i","time_ms":1,"weight":"2"})"), "events[1].weight is \"2\", expected a number");
  EXPECT_EQ(event(R"({"item_id":"i","time_ms":1,"origin":4294967296})"),
            "events[1].origin is 4294967296, expected a whole number from 0 to 4294967295");
  EXPECT_EQ(event(R"({"item_id":"i","time_ms":1,"when":2})"),
            "events[1].when is no field; expected item_id, action, time_ms, weight, blend_step, origin");
  EXPECT_THAT(Fault(R"({"user_id":["u"],"version":1})"), HasSubstr("user_id is a list"));
  EXPECT_THAT(Fault(R"({"user_id":"u","version":")" + std::string(1000, 'x') + "\"}"),
              HasSubstr("version is a string of 1002 bytes, expected"));
}

TEST(RecordJson, DeeplyNestedLinesAreRefusedLikeOthers) {
  EXPECT_THAT(Fault(std::string(100'000, '[')), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace kindred
