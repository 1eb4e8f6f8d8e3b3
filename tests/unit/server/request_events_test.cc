#include "server/request_events.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

RequestEvents Sample() {
  RequestEvents events;
  events.Add()->set_item_id("bare");
  auto* full = events.Add();
  full->set_item_id("full");
  full->set_action("view");
  full->set_weight(0.5);
  full->mutable_time()->set_seconds(12);
  full->mutable_time()->set_nanos(345'678'901);
  auto* early = events.Add();
  early->set_item_id("early");
  early->mutable_time()->set_seconds(-2);
  early->mutable_time()->set_nanos(500'000'000);
  return events;
}

TEST(RequestEvents, HaveDefaultsForWhatIsAbsent) {
  std::vector<Event> events = {{"before", "", 1, 1.0}};
  AppendEvents(Sample(), 77, &events);
  EXPECT_EQ(
      events,
      (std::vector<Event>{
          {"before", "", 1, 1.0}, {"bare", "", 77, 1.0}, {"full", "view", 12'345, 0.5}, {"early", "", -1'500, 1.0}}));
}

TEST(RequestEvents, ViewsSayWhatCopiesSay) {
  const RequestEvents request = Sample();
  std::vector<EventView> views;
  std::vector<Event> copies;
  AppendEventViews(request, 77, &views);
  AppendEvents(request, 77, &copies);
  ASSERT_EQ(views.size(), copies.size());
  for (size_t i = 0; i < views.size(); ++i) {
    EXPECT_EQ(views[i].item_id, copies[i].item_id);
    EXPECT_EQ(views[i].action, copies[i].action);
    EXPECT_EQ(views[i].time_ms, copies[i].time_ms);
    EXPECT_EQ(views[i].weight, copies[i].weight);
    EXPECT_EQ(views[i].blend_step, 0u);
  }
}

TEST(RequestEvents, TheClockIsOfThisCentury) {
  EXPECT_GT(NowMs(), 1'600'000'000'000);
  EXPECT_LT(NowMs(), 4'102'444'800'000);
}

}  // namespace
}  // namespace kindred
