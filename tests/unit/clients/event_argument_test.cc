#include "clients/cli/event_argument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(EventArgument, ItemAlone) {
  const auto event = ParseEventArgument("1082185");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->item_id(), "1082185");
  EXPECT_FALSE(event->has_weight());
  EXPECT_EQ(event->action(), "");
}

TEST(EventArgument, ItemAndWeight) {
  const auto event = ParseEventArgument("milk:2.5");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->item_id(), "milk");
  EXPECT_EQ(event->weight(), 2.5);
}

TEST(EventArgument, ItemWeightAndAction) {
  const auto event = ParseEventArgument("milk:3:purchase");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->item_id(), "milk");
  EXPECT_EQ(event->weight(), 3);
  EXPECT_EQ(event->action(), "purchase");
}

TEST(EventArgument, AnIdWithColonsIsReadFromTheRight) {
  auto event = ParseEventArgument("urn:isbn:0451450523:1");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->item_id(), "urn:isbn:0451450523");
  event = ParseEventArgument("urn:isbn:x:2:view");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->item_id(), "urn:isbn:x");
  EXPECT_EQ(event->weight(), 2);
  EXPECT_EQ(event->action(), "view");
}

TEST(EventArgument, AWeightOfZeroIsLeftToTheServer) {
  const auto event = ParseEventArgument("milk:0");
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_TRUE(event->has_weight());
  EXPECT_EQ(event->weight(), 0);
}

TEST(EventArgument, MistakesSayWhatWasExpected) {
  for (const char* text : {"milk:purchase", "milk::purchase", "milk:", ":", "a:b:c"}) {
    const auto event = ParseEventArgument(text);
    ASSERT_FALSE(event.ok()) << text;
    EXPECT_EQ(event.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(event.status().message(), testing::HasSubstr("expected ITEM, ITEM:WEIGHT or ITEM:WEIGHT:ACTION"));
    EXPECT_THAT(event.status().message(), testing::HasSubstr(text));
  }
  for (const char* text : {"", ":1", ":1:view"}) {
    const auto event = ParseEventArgument(text);
    ASSERT_FALSE(event.ok()) << text;
    EXPECT_THAT(event.status().message(), testing::HasSubstr("the item id is empty"));
  }
}

}  // namespace
}  // namespace kindred
