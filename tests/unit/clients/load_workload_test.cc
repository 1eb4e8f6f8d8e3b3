#include "clients/cli/load_workload.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

LoadWorkloadOptions Options(size_t n_users, size_t n_items) {
  LoadWorkloadOptions options;
  for (size_t u = 0; u < n_users; ++u) options.users.push_back(absl::StrCat("load-", u));
  for (size_t i = 0; i < n_items; ++i) options.items.push_back(absl::StrCat("item-", i));
  options.run = "run";
  return options;
}

TEST(LoadWorkload, SharesAreAsAsked) {
  LoadWorkloadOptions options = Options(50, 100);
  options.updates = 0.2;
  options.profile_reads = 0.3;
  LoadWorkload workload(options);
  std::map<LoadMethod, int> calls;
  for (int n = 0; n < 10'000; ++n) ++calls[workload.Next(kNow).method];
  EXPECT_NEAR(calls[LoadMethod::kUpdateProfile], 2'000, 200);
  EXPECT_NEAR(calls[LoadMethod::kGetProfile], 3'000, 200);
  EXPECT_NEAR(calls[LoadMethod::kRecommend], 5'000, 200);
}

TEST(LoadWorkload, ASeedGivesTheSameCallsAndAnotherDoesNot) {
  const auto users = [](uint64_t seed) {
    LoadWorkloadOptions options = Options(1'000, 100);
    options.seed = seed;
    LoadWorkload workload(options);
    std::vector<std::pair<LoadMethod, size_t>> calls;
    for (int n = 0; n < 100; ++n) {
      const PlannedCall call = workload.Next(kNow);
      calls.emplace_back(call.method, call.user);
    }
    return calls;
  };
  EXPECT_EQ(users(5), users(5));
  EXPECT_NE(users(5), users(6));
}

TEST(LoadWorkload, UpdatesTakeTheUsersInTurnAndAreEachOnlyOnce) {
  LoadWorkloadOptions options = Options(30, 500);
  options.updates = 1;
  LoadWorkload workload(options);
  std::map<size_t, int> of_user;
  std::set<std::string> ids;
  std::set<std::pair<size_t, int64_t>> times;
  for (int n = 0; n < 300; ++n) {
    const PlannedCall call = workload.Next(kNow);
    ++of_user[call.user];
    EXPECT_TRUE(ids.insert(call.update_id).second) << call.update_id;
    EXPECT_TRUE(times.emplace(call.user, call.time_ms).second) << call.time_ms;
    EXPECT_GE(call.time_ms, kNow);
    EXPECT_TRUE(workload.OwnsItem(call.user, call.item));
    EXPECT_TRUE(workload.OwnsTime(call.user, call.time_ms));
  }
  ASSERT_EQ(of_user.size(), 30);
  for (const auto& [user, count] : of_user) EXPECT_EQ(count, 10) << user;
}

TEST(LoadWorkload, AnotherUsersEventsAreFoundOut) {
  LoadWorkloadOptions options = Options(100, 2'000);
  options.updates = 1;
  LoadWorkload workload(options);
  int items = 0, times = 0, both = 0;
  for (int n = 0; n < 5'000; ++n) {
    const PlannedCall call = workload.Next(kNow + n);
    const size_t other = (call.user + 1) % 100;
    const bool item = workload.OwnsItem(other, call.item), time = workload.OwnsTime(other, call.time_ms);
    items += item ? 1 : 0;
    times += time ? 1 : 0;
    both += item && time ? 1 : 0;
  }
  EXPECT_LT(items, 100);  // 8 items of 2,000 each
  EXPECT_LT(times, 250);  // one residue of 64
  EXPECT_LT(both, 10);
}

}  // namespace
}  // namespace kindred
