#include "core/base/parallel_checks.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

using Checks = std::vector<std::function<absl::Status()>>;

Checks Passing(size_t n, std::atomic<int>* run) {
  return Checks(n, [run] {
    ++*run;
    return absl::OkStatus();
  });
}

TEST(ParallelChecksTest, EachRunsOnceAndTheFirstInOrderThatFailedIsTold) {
  for (unsigned threads : {1u, 4u}) {
    std::atomic<int> run = 0;
    Checks checks = Passing(100, &run);
    EXPECT_TRUE(RunChecks(checks, threads, GoOn()).ok());
    EXPECT_EQ(run, 100);
    checks[70] = [] { return absl::InvalidArgumentError("70"); };
    checks[30] = [] { return absl::DataLossError("30"); };
    EXPECT_EQ(RunChecks(checks, threads, GoOn()), absl::DataLossError("30"));
  }
}

TEST(ParallelChecksTest, ACheckWithoutMemoryEndsNothingButItself) {
  for (unsigned threads : {1u, 4u}) {
    std::atomic<int> run = 0;
    Checks checks = Passing(100, &run);
    for (size_t i : {size_t{3}, size_t{50}}) checks[i] = []() -> absl::Status { throw std::bad_alloc(); };
    EXPECT_EQ(RunChecks(checks, threads, GoOn()).code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(run, 98);
  }
}

TEST(ParallelChecksTest, NoneBeginsOnceTheyAreGivenUp) {
  for (unsigned threads : {1u, 4u}) {
    std::atomic<int> run = 0;
    const Checks checks = Passing(100, &run);
    int asked = 0;
    const std::function<bool()> question = [&asked] { return ++asked <= 10; };
    const GoOn go_on(question);
    EXPECT_EQ(RunChecks(checks, threads, go_on).code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(run, 10);
    EXPECT_EQ(asked, 11);
  }
}

}  // namespace
}  // namespace kindred
