#include "server/redis/key_slot.h"

#include <gtest/gtest.h>

namespace kindred::redis {
namespace {

TEST(KeySlot, IsThatOfTheSpecification) {
  EXPECT_EQ(KeySlot("123456789"), 0x31C3);  // CRC-16/XMODEM's check value, below 16,384
  EXPECT_EQ(KeySlot(""), 0);
  EXPECT_EQ(KeySlot("foo"), 12182);  // as redis-cli's CLUSTER KEYSLOT says
  EXPECT_EQ(KeySlot("somekey"), 11058);
  EXPECT_LT(KeySlot("\xff\xfe\xfd"), kSlots);
}

TEST(KeySlot, OnlyTheHashTagCounts) {
  EXPECT_EQ(KeySlot("foo{hash_tag}"), KeySlot("hash_tag"));
  EXPECT_EQ(KeySlot("{user1000}.following"), KeySlot("{user1000}.followers"));
  EXPECT_EQ(KeySlot("foo{{bar}}zap"), KeySlot("{bar"));
  EXPECT_EQ(KeySlot("foo{bar}{zap}"), KeySlot("bar"));
  // No tag: empty, or without an end.
  EXPECT_NE(KeySlot("foo{}{bar}"), KeySlot("bar"));
  EXPECT_NE(KeySlot("foo{bar"), KeySlot("bar"));
  EXPECT_NE(KeySlot("a{}"), KeySlot("b{}"));
}

}  // namespace
}  // namespace kindred::redis
