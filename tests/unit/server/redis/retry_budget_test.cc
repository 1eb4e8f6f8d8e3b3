#include "server/redis/retry_budget.h"

#include <gtest/gtest.h>

namespace kindred::redis {
namespace {

TEST(RetryBudget, ATenthOfTheCommands) {
  RetryBudget budget;
  int retries = 0;
  for (int i = 0; i < 10'000; ++i) {
    budget.Deposit();
    if (budget.Withdraw()) ++retries;
  }
  EXPECT_GE(retries, 990);
  EXPECT_LE(retries, 1020);
}

TEST(RetryBudget, IdleTimeIsNotSavedUpForever) {
  RetryBudget budget;
  for (int i = 0; i < 1'000'000; ++i) budget.Deposit();
  int retries = 0;
  while (budget.Withdraw()) ++retries;
  EXPECT_EQ(retries, 100);
}

}  // namespace
}  // namespace kindred::redis
