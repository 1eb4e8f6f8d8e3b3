#include "server/profiles/read_flights.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

using std::chrono::milliseconds;
using Joined = ReadFlights::Joined;

class ReadFlightsTest : public ::testing::Test {
 protected:
  Joined Join(const std::string& user_id, int deadline_ms, int latest_ms, bool refresh = false) {
    ReadWaiter waiter;
    waiter.out = refresh ? nullptr : &out_;
    return flights_.JoinOrStart(user_id, start_ + milliseconds(deadline_ms), start_ + milliseconds(latest_ms), &waiter,
                                &flight_);
  }

  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  ReadFlights flights_;
  FetchedProfile out_;
  std::shared_ptr<ReadFlight> flight_;
};

TEST_F(ReadFlightsTest, AllWhoAskMeanwhileWaitForTheFirst) {
  ASSERT_EQ(Join("u", 5, 5), Joined::kStarted);
  const auto flight = flight_;
  EXPECT_EQ(flight->user_id, "u");
  EXPECT_EQ(flight->first.out, &out_);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Join("u", 5, 6), Joined::kWaits);
  EXPECT_EQ(Join("v", 5, 6), Joined::kStarted);
  EXPECT_EQ(flights_.Finish(flight.get()).size(), 100u);
  EXPECT_EQ(Join("u", 5, 6), Joined::kStarted);
  EXPECT_NE(flight_, flight);
}

TEST_F(ReadFlightsTest, WhoHasLessTimeStartsASecondOneAndNobodyAThird) {
  ASSERT_EQ(Join("u", 5, 5), Joined::kStarted);
  const auto first = flight_;
  EXPECT_EQ(Join("u", 5, 5), Joined::kWaits);
  ASSERT_EQ(Join("u", 2, 3), Joined::kStarted);
  const auto second = flight_;
  EXPECT_EQ(Join("u", 1, 1), Joined::kTooLate);
  EXPECT_EQ(Join("u", 5, 5), Joined::kWaits);
  // The first ends, and what it leaves under way can still be joined.
  EXPECT_EQ(flights_.Finish(first.get()).size(), 1u);
  EXPECT_EQ(Join("u", 5, 5), Joined::kWaits);
  EXPECT_EQ(flights_.Finish(second.get()).size(), 2u);
}

TEST_F(ReadFlightsTest, ARefreshIsContentWithAnyReadUnderWay) {
  ASSERT_EQ(Join("u", 9, 9), Joined::kStarted);
  EXPECT_EQ(Join("u", 1, 1, true), Joined::kWaits);
  EXPECT_TRUE(flights_.Finish(flight_.get()).empty());
}

}  // namespace
}  // namespace kindred
