#include "core/base/status_macros.h"

#include <gtest/gtest.h>

#include <memory>

namespace kindred {
namespace {

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  ASSIGN_OR_RETURN(int quarter, Half(half));
  return quarter;
}

absl::Status CheckQuarter(int value, int* runs) {
  RETURN_IF_ERROR(Quarter(value).status());
  ++*runs;
  return absl::OkStatus();
}

TEST(StatusMacrosTest, AssignOrReturnAssignsOrReturns) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
  EXPECT_EQ(Quarter(5).status(), absl::InvalidArgumentError("odd"));
}

TEST(StatusMacrosTest, ReturnIfErrorStopsOnlyOnErrors) {
  int runs = 0;
  EXPECT_TRUE(CheckQuarter(4, &runs).ok());
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(CheckQuarter(3, &runs).ok());
  EXPECT_EQ(runs, 1);
}

TEST(StatusMacrosTest, AssignOrReturnMovesWhatCannotBeCopied) {
  const auto make = []() -> absl::StatusOr<std::unique_ptr<int>> { return std::make_unique<int>(3); };
  const auto use = [&]() -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(std::unique_ptr<int> value, make());
    return *value;
  };
  EXPECT_EQ(*use(), 3);
}

}  // namespace
}  // namespace kindred
