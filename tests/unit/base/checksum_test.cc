#include "core/base/checksum.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace kindred {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Values of Python's xxhash package: xxhash.xxh3_64_hexdigest(b'kindred'), xxhash.xxh3_128_hexdigest(b'kindred').
TEST(ChecksumTest, AgreesWithAnotherImplementation) {
  EXPECT_EQ(Xxh3Hex(Bytes("")), "2d06800538d394c2");
  EXPECT_EQ(Xxh128Hex(Bytes("")), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(Xxh3Hex(Bytes("kindred")), "f0184e625a51d90d");
  EXPECT_EQ(Xxh128Hex(Bytes("kindred")), "93d171456d26e293e54e8c691398df17");
}

TEST(ChecksumTest, HexIsTheValueMostSignificantDigitFirst) {
  const std::string text(1000, 'x');
  EXPECT_EQ(std::stoull(Xxh3Hex(Bytes(text)), nullptr, 16), Xxh3(Bytes(text)));
  EXPECT_EQ(Xxh3Hex(Bytes(text)).size(), 16u);
  EXPECT_EQ(Xxh128Hex(Bytes(text)).size(), 32u);
}

TEST(ChecksumTest, EverySingleBitFlipChangesIt) {
  std::string text(300, '\0');
  const uint64_t original = Xxh3(Bytes(text));
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    text[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    EXPECT_NE(Xxh3(Bytes(text)), original) << "bit " << bit;
    text[bit / 8] ^= static_cast<char>(1 << (bit % 8));
  }
}

}  // namespace
}  // namespace kindred
