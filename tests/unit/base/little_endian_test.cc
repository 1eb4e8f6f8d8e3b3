#include "core/base/little_endian.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(LittleEndian, TheLeastSignificantByteIsFirst) {
  std::string bytes = "x";
  AppendLittleEndian(uint32_t{0x04030201}, &bytes);
  AppendLittleEndian(uint8_t{0xff}, &bytes);
  AppendLittleEndian(uint64_t{0xfedcba9876543210}, &bytes);
  EXPECT_EQ(bytes, "x\x01\x02\x03\x04\xff\x10\x32\x54\x76\x98\xba\xdc\xfe");
}

TEST(LittleEndian, ReadsWhatWasAppended) {
  for (uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{0x80}, uint64_t{0xfedcba9876543210}, ~uint64_t{0}}) {
    std::string bytes;
    AppendLittleEndian(value, &bytes);
    AppendLittleEndian(static_cast<uint16_t>(value), &bytes);
    ASSERT_EQ(bytes.size(), 10u);
    EXPECT_EQ(ReadLittleEndian<uint64_t>(bytes), value);  // what follows is not looked at
    EXPECT_EQ(ReadLittleEndian<uint16_t>(std::string_view(bytes).substr(8)), static_cast<uint16_t>(value));
  }
}

}  // namespace
}  // namespace kindred
