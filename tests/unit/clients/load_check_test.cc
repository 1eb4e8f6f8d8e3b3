#include "clients/cli/load_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LedgerEntry Entry(const std::string& id, int64_t time_ms, const std::string& user = "u") {
  return {user, id, absl::StrCat("item-", id), time_ms, 1, "journal", false, "s"};
}

LedgerCheck Check(const std::vector<LedgerEntry>& entries, const std::vector<LedgerEvent>& events) {
  LedgerCheck check;
  const auto users = ByUser(entries);
  CheckUser(users.at("u"), events, &check);
  return check;
}

TEST(LoadCheck, AnUpdateThatWasAcknowledgedTwiceCountsOnce) {
  const LedgerCheck check = Check({Entry("a", 1), Entry("a", 1), Entry("b", 2)}, {{"item-a", 1}, {"item-b", 2}});
  EXPECT_TRUE(check.ok());
  EXPECT_EQ(check.updates, 2);
  EXPECT_EQ(check.found, 2);
}

TEST(LoadCheck, FindsWhatIsMissingAndWhatIsThereTwice) {
  const LedgerCheck check =
      Check({Entry("a", 1), Entry("b", 2), Entry("c", 3)}, {{"item-a", 1}, {"item-a", 1}, {"item-c", 4}});
  EXPECT_FALSE(check.ok());
  EXPECT_THAT(check.missing, ElementsAre("u b item-b 2", "u c item-c 3"));
  EXPECT_THAT(check.doubled, ElementsAre("u a item-a 1"));
  EXPECT_EQ(check.found, 1);
}

TEST(LoadCheck, EventsThatNobodyAcknowledgedMayBeThere) {
  EXPECT_TRUE(Check({Entry("a", 1)}, {{"item-a", 1}, {"in doubt", 5}}).ok());
}

TEST(LoadCheck, WhatAFullHistoryHasDroppedIsNotMissing) {
  std::vector<LedgerEvent> full;
  for (int64_t n = 0; n < static_cast<int64_t>(kHistoryEvents); ++n) full.push_back({"x", 100 + n});
  const LedgerCheck check = Check({Entry("old", 50), Entry("new", 150)}, full);
  EXPECT_EQ(check.beyond, 1);
  EXPECT_THAT(check.missing, ElementsAre("u new item-new 150"));
  full.pop_back();  // there was room for it
  EXPECT_EQ(Check({Entry("old", 50)}, full).missing.size(), 1);
}

TEST(LoadCheck, UsersAreKeptApart) {
  const std::vector<LedgerEntry> entries = {Entry("a", 1, "u"), Entry("a", 1, "v"), Entry("b", 2, "v")};
  const auto users = ByUser(entries);
  ASSERT_EQ(users.size(), 2);
  EXPECT_EQ(users.at("u").size(), 1);
  EXPECT_EQ(users.at("v").size(), 2);
}

TEST(LoadCheck, AServerThatCannotBeAskedIsAnError) {
  ClientOptions options;
  options.timeout = absl::Milliseconds(200);
  EXPECT_FALSE(CheckLedger({Entry("a", 1)}, "127.0.0.1:1", "", options, 0).ok());
  const auto nothing = CheckLedger({}, "127.0.0.1:1", "", options, 0);
  ASSERT_TRUE(nothing.ok());
  EXPECT_THAT(nothing->missing, IsEmpty());
}

}  // namespace
}  // namespace kindred
