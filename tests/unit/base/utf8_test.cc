#include "core/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace kindred {
namespace {

// Encodes without asking whether it should.
std::string Encode(uint32_t code, int length) {
  std::string out;
  if (length == 1) return std::string(1, static_cast<char>(code));
  const int lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  out.push_back(static_cast<char>(lead[length] | code >> (6 * (length - 1))));
  for (int i = length - 2; i >= 0; --i) out.push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3F)));
  return out;
}

int Length(uint32_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

TEST(Utf8Test, AcceptsEveryCodePointAndNoSurrogate) {
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    ASSERT_EQ(IsValidUtf8(Encode(code, Length(code))), !surrogate) << std::hex << code;
  }
}

TEST(Utf8Test, RejectsOverlongForms) {
  for (uint32_t code : {0x00u, 0x2Fu, 0x7Fu}) {
    EXPECT_FALSE(IsValidUtf8(Encode(code, 2))) << code;
    EXPECT_FALSE(IsValidUtf8(Encode(code, 3))) << code;
    EXPECT_FALSE(IsValidUtf8(Encode(code, 4))) << code;
  }
  EXPECT_FALSE(IsValidUtf8(Encode(0x7FF, 3)));
  EXPECT_FALSE(IsValidUtf8(Encode(0xFFFF, 4)));
}

TEST(Utf8Test, RejectsWhatIsAboveTheLastCodePoint) {
  EXPECT_FALSE(IsValidUtf8(Encode(0x110000, 4)));
  for (int lead = 0xF5; lead <= 0xFF; ++lead) {
    EXPECT_FALSE(IsValidUtf8(std::string(1, static_cast<char>(lead)) + "\x80\x80\x80")) << lead;
  }
}

TEST(Utf8Test, RejectsCutSequencesAndLoneTails) {
  for (uint32_t code : {0xE9u, 0x20ACu, 0x1F600u}) {
    const std::string whole = Encode(code, Length(code));
    for (size_t cut = 1; cut < whole.size(); ++cut) {
      EXPECT_FALSE(IsValidUtf8("ab" + whole.substr(0, cut))) << code << " cut to " << cut;
      EXPECT_FALSE(IsValidUtf8(whole.substr(0, cut) + "ab")) << code << " cut to " << cut;
      EXPECT_FALSE(IsValidUtf8(whole.substr(cut))) << code << " from " << cut;
    }
  }
}

TEST(Utf8Test, AcceptsTheEmptyTextAndZeroBytes) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8(std::string("a\0b", 3)));
}

TEST(Utf8Test, AsciiIsEveryByteBelow128) {
  EXPECT_TRUE(IsAscii(""));
  std::string text(100, 'a');
  EXPECT_TRUE(IsAscii(text));
  for (size_t i = 0; i < text.size(); ++i) {
    text[i] = '\x80';
    EXPECT_FALSE(IsAscii(text)) << i;
    text[i] = '\x7f';
  }
}

}  // namespace
}  // namespace kindred
