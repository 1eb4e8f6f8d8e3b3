#include "core/bundle/store_layout.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(StoreLayoutTest, AVersionIsADecimalNumberWithoutLeadingZeros) {
  EXPECT_EQ(VersionOfFolder("1"), 1u);
  EXPECT_EQ(VersionOfFolder("20260131"), 20260131u);
  EXPECT_EQ(VersionOfFolder("0"), 0u);
  EXPECT_EQ(VersionOfFolder("18446744073709551615"), UINT64_MAX);
  for (const char* other : {"", "01", "-1", "+1", " 1", "1 ", "1x", "latest", ".publish-1", "18446744073709551616"}) {
    EXPECT_EQ(VersionOfFolder(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace kindred
