#include "server/field_checks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/limits.h"

namespace kindred {
namespace {

// The violations of the status as "field description".
std::vector<std::string> Violations(const FieldChecks& checks) {
  const absl::Status status = checks.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  google::rpc::BadRequest bad;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  if (!payload.has_value() || !bad.ParseFromString(std::string(*payload))) return {"no BadRequest"};
  std::vector<std::string> violations;
  for (const auto& violation : bad.field_violations()) {
    violations.push_back(StrCat(violation.field(), " ", violation.description()));
  }
  return violations;
}

using Strings = std::vector<std::string>;

TEST(FieldChecks, NothingWrongIsOk) {
  FieldChecks checks;
  checks.Id("id", "x");
  checks.Id("id", std::string(limits::kMaxIdBytes, 'x'));
  checks.Name("model", "", 256);
  checks.View("view", v1::ITEM_VIEW_FULL);
  EXPECT_EQ(checks.PageSize("page_size", 5, 1000), 5u);
  EXPECT_TRUE(checks.ok());
  EXPECT_TRUE(checks.status().ok());
}

TEST(FieldChecks, Ids) {
  FieldChecks checks;
  checks.Id("subject.user_id", "");
  checks.Id("item_id", std::string(1 << 20, 'x'));
  EXPECT_EQ(Violations(checks), (Strings{"subject.user_id is empty, expected 1 to 1024 bytes of UTF-8",
                                         "item_id is 1048576 bytes long, expected 1 to 1024 bytes of UTF-8"}));
}

TEST(FieldChecks, Modes) {
  FieldChecks checks;
  for (int mode : {0, 1, 2}) checks.Mode("mode", mode);
  EXPECT_TRUE(checks.ok());
  checks.Mode("mode", 3);
  checks.Mode("mode", -1);
  EXPECT_EQ(Violations(checks), (Strings{"mode is 3, expected 0 (default), 1 (history) or 2 (blend)",
                                         "mode is -1, expected 0 (default), 1 (history) or 2 (blend)"}));
}

TEST(FieldChecks, PageSizes) {
  FieldChecks good;
  EXPECT_EQ(good.PageSize("page_size", 0, 1000), 10u);
  EXPECT_EQ(good.PageSize("page_size", 1, 1000), 1u);
  EXPECT_EQ(good.PageSize("page_size", 1000, 1000), 1000u);
  EXPECT_EQ(good.PageSize("page_size", 1001, 1000), 1000u);
  EXPECT_EQ(good.PageSize("page_size", std::numeric_limits<int32_t>::max(), 100), 100u);
  EXPECT_TRUE(good.ok());
  FieldChecks bad;
  bad.PageSize("page_size", -1, 1000);
  EXPECT_EQ(Violations(bad), Strings{"page_size is -1, expected 0 (for 10) to 1000"});
}

TEST(FieldChecks, Views) {
  FieldChecks checks;
  checks.View("view", 7);
  EXPECT_EQ(Violations(checks), Strings{"view is 7, expected 0 (default), 1 (basic) or 2 (full)"});
}

TEST(FieldChecks, IdLists) {
  v1::RecommendRequest request;
  for (int i = 0; i < limits::kMaxFilterIds; ++i) *request.add_exclude_item_ids() = std::string(1, 'x');
  FieldChecks good;
  good.Ids("exclude_item_ids", request.exclude_item_ids());
  EXPECT_TRUE(good.ok());
  request.mutable_exclude_item_ids(3)->clear();
  FieldChecks empty;
  empty.Ids("exclude_item_ids", request.exclude_item_ids());
  EXPECT_EQ(Violations(empty), Strings{"exclude_item_ids[3] is empty, expected 1 to 1024 bytes of UTF-8"});
  *request.add_exclude_item_ids() = std::string(1, 'y');
  FieldChecks many;
  many.Ids("exclude_item_ids", request.exclude_item_ids());
  EXPECT_EQ(Violations(many), Strings{"exclude_item_ids has 10001 ids, expected at most 10000"});
}

TEST(FieldChecks, Events) {
  v1::UpdateProfileRequest request;
  FieldChecks none;
  none.Events("events", request.events(), 1);
  EXPECT_EQ(Violations(none), Strings{"events has 0 events, expected 1 to 256"});

  for (double weight : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    v1::UpdateProfileRequest one;
    one.add_events()->set_item_id("a");
    one.mutable_events(0)->set_weight(weight);
    FieldChecks checks;
    checks.Events("events", one.events(), 1);
    EXPECT_TRUE(Violations(checks).front().starts_with("events[0].weight is ")) << weight;
  }

  v1::Event* event = request.add_events();
  event->set_item_id("a");
  event->mutable_time()->set_seconds(-62'135'596'800);
  event->mutable_time()->set_nanos(999'999'999);
  event->set_weight(std::numeric_limits<double>::denorm_min());
  event->set_action(std::string(64, 'x'));
  FieldChecks good;
  good.Events("events", request.events(), 1);
  EXPECT_TRUE(good.ok());

  event = request.add_events();
  event->mutable_time()->set_seconds(253'402'300'800);
  event->set_action(std::string(65, 'x'));
  FieldChecks bad;
  bad.Events("events", request.events(), 1);
  EXPECT_EQ(Violations(bad),
            (Strings{"events[1].item_id is empty, expected 1 to 1024 bytes of UTF-8",
                     "events[1].action is 65 bytes long, expected at most 64",
                     "events[1].time is 253402300800 s and 0 ns, expected a time in years 1 to 9999 and 0 to 999999999 "
                     "ns"}));

  while (request.events_size() <= limits::kMaxEvents) request.add_events()->set_item_id("a");
  FieldChecks many;
  many.Events("events", request.events(), 1);
  EXPECT_EQ(Violations(many), Strings{"events has 257 events, expected 1 to 256"});
}

TEST(FieldChecks, NamesAFewViolationsAndCountsTheRest) {
  FieldChecks checks;
  for (int i = 0; i < 20; ++i) checks.Add("f", "is wrong");
  EXPECT_EQ(Violations(checks).size(), static_cast<size_t>(limits::kMaxViolations));
  EXPECT_NE(checks.status().message().find("; and 12 more"), absl::string_view::npos);
}

}  // namespace
}  // namespace kindred
