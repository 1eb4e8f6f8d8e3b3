#include "server/profiles/answer_cache.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/unit/server/profiles/fake_redis.h"

namespace kindred {
namespace {

const AnswerIdentity kIdentity = {"digest", 3, 1, 0xABCDEF};

class AnswerCacheTest : public ::testing::Test {
 protected:
  std::optional<std::string> Get(const std::string& user_id, const AnswerIdentity& identity = kIdentity) {
    std::promise<std::optional<std::string>> found;
    cache_.Get(user_id, identity, Deadline(), [&](std::optional<std::string> one) { found.set_value(std::move(one)); });
    return found.get_future().get();
  }
  static std::chrono::steady_clock::time_point Deadline() {
    return std::chrono::steady_clock::now() + std::chrono::seconds(10);
  }

  testing::FakeRedis redis_;
  AnswerCache cache_{&redis_, {}};
};

TEST_F(AnswerCacheTest, AnAnswerCountsForTheSameRequestModelAndProfile) {
  EXPECT_EQ(Get("u"), std::nullopt);
  cache_.Put("u", kIdentity, "the answer");
  EXPECT_EQ(Get("u"), "the answer");
  EXPECT_EQ(redis_.TtlOf("recommendations:user:u"), 3'600'000);
  for (int i = 0; i < 4; ++i) {
    AnswerIdentity other = kIdentity;
    if (i == 0) other.model_digest = "digesu";
    if (i == 1) ++other.profile_version;
    if (i == 2) ++other.profile_epoch;
    if (i == 3) ++other.request_hash;
    EXPECT_EQ(Get("u", other), std::nullopt) << i;
  }
  AnswerCache elsewhere(&redis_, {.profile_prefix = "other:"});
  std::promise<std::optional<std::string>> found;
  elsewhere.Get("u", kIdentity, Deadline(), [&](auto one) { found.set_value(std::move(one)); });
  EXPECT_EQ(found.get_future().get(), std::nullopt) << "the user of that name of other profiles";
  EXPECT_EQ(cache_.stats().hits.load(), 1u);
  EXPECT_EQ(cache_.stats().misses.load(), 5u);
  cache_.Put("u", kIdentity, "");
  EXPECT_EQ(Get("u"), "");
}

TEST_F(AnswerCacheTest, WhatIsDamagedOrOfAnotherUserIsAMiss) {
  const std::string value = EncodeAnswer("u", kIdentity, "the answer");
  ASSERT_EQ(DecodeAnswer("u", kIdentity, value), "the answer");
  EXPECT_EQ(DecodeAnswer("v", kIdentity, value), std::nullopt);
  for (size_t i = 0; i < value.size(); ++i) {
    std::string damaged = value;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x80);
    EXPECT_EQ(DecodeAnswer("u", kIdentity, damaged), std::nullopt) << i;
    EXPECT_EQ(DecodeAnswer("u", kIdentity, value.substr(0, i)), std::nullopt) << i;
  }
  redis_.Set("recommendations:user:u", "foreign");
  EXPECT_EQ(Get("u"), std::nullopt);
  redis_.SetOtherType("recommendations:user:u");
  EXPECT_EQ(Get("u"), std::nullopt);
}

TEST_F(AnswerCacheTest, WhatIsTooLargeIsNotKeptAndAFailureIsAMiss) {
  cache_.Put("u", kIdentity, std::string(AnswerCache::kMaxBytes, 'x'));
  EXPECT_EQ(Get("u"), std::nullopt);
  EXPECT_EQ(redis_.calls("SET"), 0u);
  cache_.Put("u", kIdentity, "x");
  redis_.FailAtOnce(redis::Failure::kBreakerOpen);
  EXPECT_EQ(Get("u"), std::nullopt);
  EXPECT_EQ(cache_.stats().errors.load(), 1u);
}

}  // namespace
}  // namespace kindred
