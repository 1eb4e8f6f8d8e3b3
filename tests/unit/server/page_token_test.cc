#include "server/page_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace kindred {
namespace {

using ::testing::HasSubstr;

PageToken Sample() {
  PageToken token;
  token.generation = 0x0123456789abcdef;
  token.request = ~uint64_t{0};
  token.profile_version = 7;
  token.offset = 4711;
  token.by_score = true;
  token.last = {12, -0.25f};
  return token;
}

TEST(PageTokenTest, ReadsBackWhatItWrote) {
  for (const float score :
       {-0.25f, 0.0f, std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
    PageToken token = Sample();
    token.last.score = score;
    const auto read = DecodePageToken(EncodePageToken(token));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->generation, token.generation);
    EXPECT_EQ(read->request, token.request);
    EXPECT_EQ(read->profile_version, token.profile_version);
    EXPECT_EQ(read->offset, token.offset);
    EXPECT_EQ(read->by_score, token.by_score);
    EXPECT_EQ(read->last, token.last);
  }
  EXPECT_FALSE(DecodePageToken(EncodePageToken(PageToken()))->by_score);
}

TEST(PageTokenTest, NothingElseIsAToken) {
  const std::string text = EncodePageToken(Sample());
  for (size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(DecodePageToken(text.substr(0, length)).ok()) << length;
  }
  for (const char* other : {"", "=", "%%%", "abcd", " "}) EXPECT_FALSE(DecodePageToken(other).ok()) << other;
  EXPECT_FALSE(DecodePageToken(text + "A").ok());
  EXPECT_FALSE(DecodePageToken(text + "=").ok());
  EXPECT_FALSE(DecodePageToken(" " + text).ok());
  EXPECT_FALSE(DecodePageToken(std::string(10'000, 'A')).ok());
}

TEST(PageTokenTest, EveryFlippedBitIsFound) {
  const std::string text = EncodePageToken(Sample());
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      EXPECT_FALSE(DecodePageToken(damaged).ok()) << i << " " << bit;
    }
  }
}

}  // namespace
}  // namespace kindred
