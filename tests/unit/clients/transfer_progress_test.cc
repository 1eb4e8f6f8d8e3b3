#include "clients/cli/transfer_progress.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(TransferProgress, NumbersHaveCommas) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(123456), "123,456");
  EXPECT_EQ(WithCommas(1234567), "1,234,567");
  EXPECT_EQ(WithCommas(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(TransferProgress, WhatIsQuickSaysNothing) {
  ::testing::internal::CaptureStderr();
  {
    TransferProgress progress("things done", false);
    progress.Update(1);
    progress.Interrupt();
    progress.Update(2);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace kindred
