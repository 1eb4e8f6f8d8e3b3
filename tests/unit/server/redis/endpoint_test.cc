#include "server/redis/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred::redis {
namespace {

TEST(Endpoint, NamesAndAddresses) {
  EXPECT_EQ(*ParseEndpoint("redis.example:6379"), (Endpoint{"redis.example", 6379}));
  EXPECT_EQ(*ParseEndpoint("[::1]:6380"), (Endpoint{"::1", 6380}));
  EXPECT_EQ(*ParseEndpoint("::1:6380"), (Endpoint{"::1", 6380}));  // as Redis redirects
  EXPECT_EQ((Endpoint{"::1", 6380}).ToString(), "[::1]:6380");
  EXPECT_EQ((Endpoint{"10.0.0.1", 1}).ToString(), "10.0.0.1:1");
}

TEST(Endpoint, WhatIsMissingIsSaid) {
  for (const std::string_view text :
       {"", "redis", ":6379", "redis:", "redis:0", "redis:65536", "redis:1x", "redis:-1"}) {
    const auto endpoint = ParseEndpoint(text);
    ASSERT_FALSE(endpoint.ok()) << text;
    EXPECT_THAT(endpoint.status().ToString(), ::testing::HasSubstr(std::string(text))) << text;
  }
  EXPECT_FALSE(ParseEndpoint(std::string(256, 'a') + ":1").ok());
}

TEST(Endpoint, ARedirectionWithoutHostIsToTheOneWhoSaidIt) {
  EXPECT_EQ(*ParseRedirection(":7001", {"10.0.0.1", 7000}), (Endpoint{"10.0.0.1", 7001}));
  EXPECT_EQ(*ParseRedirection("b:7001", {"a", 7000}), (Endpoint{"b", 7001}));
  EXPECT_FALSE(ParseRedirection("7001", {"a", 7000}).ok());
}

}  // namespace
}  // namespace kindred::redis
