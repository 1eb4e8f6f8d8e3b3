#include "server/item_page_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/limits.h"

namespace kindred {
namespace {

TEST(ItemPageTokenTest, ComesBackAsItWas) {
  for (const std::string& id : {std::string("a"), std::string("\xc3\xa9 \n"), std::string(limits::kMaxIdBytes, 'x')}) {
    const std::string token = EncodeItemPageToken(id);
    EXPECT_LE(token.size(), limits::kMaxItemPageTokenBytes);
    const auto decoded = DecodeItemPageToken(token);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, id);
  }
}

TEST(ItemPageTokenTest, NothingElseIsAToken) {
  const std::string token = EncodeItemPageToken("an item");
  EXPECT_FALSE(DecodeItemPageToken("").ok());
  for (size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(DecodeItemPageToken(token.substr(0, size)).ok());
  for (const char* more : {"A", "=", " ", "\n"}) EXPECT_FALSE(DecodeItemPageToken(token + more).ok());
  for (size_t at = 0; at < token.size(); ++at) {
    std::string bad = token;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(DecodeItemPageToken(bad).status().code(), absl::StatusCode::kInvalidArgument) << at;
  }
  EXPECT_FALSE(DecodeItemPageToken(EncodeItemPageToken("")).ok());
  EXPECT_FALSE(DecodeItemPageToken(EncodeItemPageToken(std::string(limits::kMaxIdBytes + 1, 'x'))).ok());
  EXPECT_FALSE(DecodeItemPageToken(std::string(100'000, 'A')).ok());
}

}  // namespace
}  // namespace kindred
