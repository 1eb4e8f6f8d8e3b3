#include "trainer/data/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

EventLog Sample() {
  EventLog log;
  log.user_ids = {"ann", "bob", "cid"};
  log.item_ids = {"x", "y", "z"};
  log.user = {0, 1, 2, 1};
  log.item = {2, 1, 0, 2};
  log.time_ms = {10, 20, 30, 40};
  return log;
}

TEST(EventLogTest, SelectRowsKeepsIdsAndTheGivenOrder) {
  const EventLog picked = SelectRows(Sample(), {3, 0});
  EXPECT_THAT(picked.user_ids, ElementsAre("ann", "bob", "cid"));
  EXPECT_THAT(picked.user, ElementsAre(1, 0));
  EXPECT_THAT(picked.item, ElementsAre(2, 2));
  EXPECT_THAT(picked.time_ms, ElementsAre(40, 10));
  EXPECT_THAT(picked.value, IsEmpty());
  EXPECT_EQ(picked.ValueOf(0), 1.0f);
}

TEST(EventLogTest, DropUnusedIdsRenumbersInOrderOfAppearance) {
  const EventLog compact = DropUnusedIds(SelectRows(Sample(), {3, 0}));
  EXPECT_THAT(compact.user_ids, ElementsAre("bob", "ann"));
  EXPECT_THAT(compact.item_ids, ElementsAre("z"));
  EXPECT_THAT(compact.user, ElementsAre(0, 1));
  EXPECT_THAT(compact.item, ElementsAre(0, 0));
}

}  // namespace
}  // namespace kindred
