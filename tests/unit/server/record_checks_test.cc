#include "server/record_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/base/str_cat.h"
#include "core/profile/count.h"
#include "server/limits.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

v1::EventRecord* AddEvent(v1::ProfileRecord* record, int64_t time_ms, uint32_t step = 0) {
  v1::EventRecord* event = record->add_events();
  event->set_item_id("item");
  event->set_time_ms(time_ms);
  event->set_weight(1);
  event->set_blend_step(step);
  return event;
}

v1::ProfileRecord Good() {
  v1::ProfileRecord record;
  record.set_user_id("ann");
  record.set_version(3);
  record.set_updated_ms(1'764'000'000'000);
  AddEvent(&record, 5);
  AddEvent(&record, 5);
  AddEvent(&record, 4, 1);
  record.add_update_ids("a");
  record.add_update_ids("b");
  return record;
}

std::string Fault(const v1::ProfileRecord& record) {
  FieldChecks checks;
  CheckRecord("profiles[2]", record, {}, &checks);
  return StrCat(checks.status().message());
}

template <typename Change>
std::string FaultOf(const Change& change) {
  v1::ProfileRecord record = Good();
  change(&record);
  return Fault(record);
}

TEST(RecordChecks, WhatAServerCouldHaveMadeIsGood) {
  EXPECT_EQ(Fault(Good()), "");
  v1::ProfileRecord bare;
  bare.set_user_id("u");
  bare.set_version(1);
  EXPECT_EQ(Fault(bare), "");
  v1::ProfileRecord deletion;
  deletion.set_user_id("u");
  deletion.set_epoch(1);
  EXPECT_EQ(Fault(deletion), "");
}

TEST(RecordChecks, TheLargestVersionThatIsTakenCountsOn) {
  v1::ProfileRecord record = Good();
  record.set_version(limits::kMaxImportVersion);
  record.set_epoch(limits::kMaxImportVersion);
  EXPECT_EQ(Fault(record), "");
  EXPECT_EQ(CountUp(limits::kMaxImportVersion), limits::kMaxImportVersion + 1);
  EXPECT_GE(kMaxProfileCount - limits::kMaxImportVersion, uint64_t{1} << 52);
}

TEST(RecordChecks, WrongFieldsAreNamed) {
  EXPECT_EQ(FaultOf([](auto* r) { r->clear_user_id(); }),
            "profiles[2].user_id is empty, expected 1 to 1024 bytes of UTF-8");
  EXPECT_THAT(FaultOf([](auto* r) { r->set_version((uint64_t{1} << 52) + 1); }),
              HasSubstr("profiles[2].version is 4503599627370497, expected at most 4503599627370496"));
  EXPECT_THAT(FaultOf([](auto* r) { r->set_epoch(UINT64_MAX); }), HasSubstr("profiles[2].epoch is 1844"));
  EXPECT_THAT(FaultOf([](auto* r) { r->set_updated_ms(INT64_MIN); }), HasSubstr("profiles[2].updated_ms is -92"));
  EXPECT_THAT(FaultOf([](auto* r) { r->set_version(0); }), HasSubstr("profiles[2].version is 0, expected 1 or more"));
  EXPECT_THAT(FaultOf([](auto* r) {
                r->set_version(0);
                r->set_epoch(1);
              }),
              HasSubstr("for a deletion, an epoch above 0 and no events"));
  EXPECT_THAT(FaultOf([](auto* r) { r->mutable_events(1)->clear_item_id(); }),
              HasSubstr("profiles[2].events[1].item_id is empty"));
  EXPECT_THAT(FaultOf([](auto* r) { r->mutable_events(1)->set_action(std::string(65, 'x')); }),
              HasSubstr("profiles[2].events[1].action is 65 bytes long, expected at most 64"));
  EXPECT_THAT(FaultOf([](auto* r) { r->mutable_events(0)->set_time_ms(INT64_MIN); }),
              HasSubstr("profiles[2].events[0].time_ms is -9223372036854775808, expected a time in years 1 to 9999"));
  for (double weight : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(FaultOf([&](auto* r) { r->mutable_events(0)->set_weight(weight); }),
                HasSubstr("expected a finite number above 0"));
  }
}

TEST(RecordChecks, EventsAreInTheirOrder) {
  EXPECT_THAT(FaultOf([](auto* r) { r->mutable_events(1)->set_time_ms(4); }),
              HasSubstr("profiles[2].events[1].time_ms is 4, before that of the event before it, 5"));
  EXPECT_THAT(FaultOf([](auto* r) { r->mutable_events(2)->set_blend_step(2); }),
              HasSubstr("profiles[2].events[2].blend_step is 2, expected 0 or 1"));
  EXPECT_THAT(FaultOf([](auto* r) { r->mutable_events(0)->set_blend_step(1); }),
              HasSubstr("profiles[2].events[0].blend_step is 1, expected 0: steps count up"));
  EXPECT_THAT(FaultOf([](auto* r) { AddEvent(r, 9, 0); }),
              HasSubstr("profiles[2].events[3].blend_step is 0, expected 1 or 2"));
}

TEST(RecordChecks, LimitsHold) {
  v1::ProfileRecord record = Good();
  while (record.events_size() < 256) AddEvent(&record, 6, 1);
  EXPECT_EQ(Fault(record), "");
  AddEvent(&record, 6, 1);
  EXPECT_EQ(Fault(record), "profiles[2].events has 257 events, expected at most 256");
  record = Good();
  for (uint32_t step = 2; step < 16; ++step) AddEvent(&record, 1, step);
  EXPECT_EQ(Fault(record), "");
  AddEvent(&record, 1, 16);
  EXPECT_EQ(Fault(record), "profiles[2].events has 17 steps, expected at most 16");
  EXPECT_THAT(FaultOf([](auto* r) {
                for (int i = 0; i < 63; ++i) r->add_update_ids(StrCat(i));
              }),
              HasSubstr("profiles[2].update_ids has 65 ids, expected at most 64"));
  EXPECT_THAT(FaultOf([](auto* r) { r->add_update_ids("a"); }), HasSubstr("profiles[2].update_ids[2] is there twice"));
  EXPECT_THAT(FaultOf([](auto* r) { r->add_update_ids(""); }), HasSubstr("profiles[2].update_ids[2] is empty"));
  EXPECT_THAT(FaultOf([](auto* r) { r->add_update_ids(std::string(65, 'x')); }), HasSubstr("65 bytes long"));
}

}  // namespace
}  // namespace kindred
