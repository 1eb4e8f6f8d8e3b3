#include "server/redis_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/str_cat.h"
#include "server/config_loader.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

v1::RedisStoreConfig Parsed(std::string_view text) {
  v1::ServerConfig config;
  const absl::Status status = ParseYaml(StrCat("profiles: {redis: {", text, "}}"), "test.yaml", &config);
  EXPECT_TRUE(status.ok()) << status;
  return config.profiles().redis();
}

std::string Fault(std::string_view text) {
  v1::RedisStoreConfig redis = Parsed(text);
  const absl::Status status = CompleteRedisStore(&redis);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

TEST(RedisConfig, CompletesWithTheDefaultsOfTheSchema) {
  v1::RedisStoreConfig redis;
  ASSERT_TRUE(CompleteRedisStore(&redis).ok());
  ASSERT_EQ(redis.endpoints_size(), 1);
  EXPECT_EQ(redis.endpoints(0), "127.0.0.1:6379");
  EXPECT_EQ(redis.mode(), v1::REDIS_MODE_SINGLE);
  EXPECT_EQ(redis.sentinel_master(), "");
  EXPECT_EQ(redis.username(), "");
  EXPECT_EQ(redis.password_file(), "");
  EXPECT_FALSE(redis.tls().enabled());
  EXPECT_EQ(redis.key_prefix(), "profile:");
  EXPECT_EQ(redis.ttl().seconds(), 24 * 3600);
  EXPECT_EQ(redis.op_timeout().nanos(), 5'000'000);
  EXPECT_EQ(redis.connections_per_node(), 2u);
  EXPECT_EQ(redis.max_in_flight(), 1024u);
  EXPECT_EQ(redis.journal().dir(), "data/journal");
  EXPECT_EQ(redis.journal().block_cache_bytes(), 64u << 20);
  EXPECT_EQ(redis.max_backlog(), 1'000'000u);
  EXPECT_EQ(redis.near_cache().ttl().seconds(), 2);
  EXPECT_EQ(redis.near_cache().negative_ttl().seconds(), 1);
  EXPECT_EQ(redis.near_cache().max_bytes(), 64u << 20);
  EXPECT_EQ(redis.required_durability(), v1::REQUIRED_DURABILITY_JOURNAL);
  EXPECT_FALSE(redis.answer_cache().enabled());
  EXPECT_EQ(redis.answer_cache().ttl().seconds(), 3600);
  // Complete is complete.
  v1::RedisStoreConfig again = redis;
  ASSERT_TRUE(CompleteRedisStore(&again).ok());
  EXPECT_EQ(again.SerializeAsString(), redis.SerializeAsString());
  v1::RedisStoreConfig sentinel = Parsed("mode: sentinel, endpoints: ['a:1', 'b:1']");
  ASSERT_TRUE(CompleteRedisStore(&sentinel).ok());
  EXPECT_EQ(sentinel.sentinel_master(), "mymaster");
}

TEST(RedisConfig, EveryRangeIsChecked) {
  EXPECT_EQ(Fault("ttl: 59s"), "profiles.redis.ttl is 59s; expected 1m to 365d");
  EXPECT_EQ(Fault("ttl: 366d"), "profiles.redis.ttl is 3.16224e+07s; expected 1m to 365d");
  EXPECT_EQ(Fault("op_timeout: 499us"), "profiles.redis.op_timeout is 0.000499s; expected 500us to 1s");
  EXPECT_EQ(Fault("op_timeout: 1001ms"), "profiles.redis.op_timeout is 1.001s; expected 500us to 1s");
  EXPECT_EQ(Fault("connections_per_node: 0"), "RedisStoreConfig.connections_per_node is 0; expected 1 to 16");
  EXPECT_EQ(Fault("connections_per_node: 17"), "RedisStoreConfig.connections_per_node is 17; expected 1 to 16");
  EXPECT_EQ(Fault("max_in_flight: 0"), "RedisStoreConfig.max_in_flight is 0; expected 1 to 65536");
  EXPECT_EQ(Fault("max_in_flight: 65537"), "RedisStoreConfig.max_in_flight is 65537; expected 1 to 65536");
  EXPECT_EQ(Fault("max_backlog: 0"), "RedisStoreConfig.max_backlog is 0; expected 1 to 100000000");
  EXPECT_EQ(Fault("max_backlog: 100000001"), "RedisStoreConfig.max_backlog is 100000001; expected 1 to 100000000");
  EXPECT_EQ(Fault("journal: {block_cache_bytes: 1}"),
            "EmbeddedStoreConfig.block_cache_bytes is 1; expected 1048576 to 1099511627776");
  EXPECT_EQ(Fault("near_cache: {ttl: 61s}"), "profiles.redis.near_cache.ttl is 61s; expected 0s to 1m");
  EXPECT_EQ(Fault("near_cache: {negative_ttl: 61s}"),
            "profiles.redis.near_cache.negative_ttl is 61s; expected 0s to 1m");
  EXPECT_EQ(Fault("near_cache: {max_bytes: 2TiB}"),
            "NearCacheConfig.max_bytes is 2199023255552; expected 0 to 1099511627776");
  for (const char* prefix : {"r", "recommendations:user:", "recommendations:user:x"}) {
    EXPECT_EQ(Fault(StrCat("answer_cache: {enabled: true}, key_prefix: '", prefix, "'")),
              StrCat("profiles.redis.key_prefix is '", prefix,
                     "', but answer_cache keeps answers under recommendations:user:; expected another prefix, such as "
                     "profile:"));
  }
  v1::RedisStoreConfig bare;
  bare.set_key_prefix("");
  EXPECT_TRUE(CompleteRedisStore(&bare).ok());
  bare.mutable_answer_cache()->set_enabled(true);
  EXPECT_EQ(CompleteRedisStore(&bare).code(), absl::StatusCode::kInvalidArgument) << "a user may be named so";
  EXPECT_EQ(Fault("answer_cache: {ttl: 999ms}"), "profiles.redis.answer_cache.ttl is 0.999s; expected 1s to 24h");
  for (const char* edge : {"ttl: 1m", "ttl: 365d", "op_timeout: 500us", "op_timeout: 1s", "max_in_flight: 65536",
                           "near_cache: {ttl: 0s, negative_ttl: 0s, max_bytes: 0}"}) {
    v1::RedisStoreConfig redis = Parsed(edge);
    EXPECT_TRUE(CompleteRedisStore(&redis).ok()) << edge;
  }
}

TEST(RedisConfig, EndpointsAreHostAndPort) {
  for (const char* wrong : {"nowhere", ":6379", "host:", "host:0", "host:65536", "::1:6379", "redis://host:6379"}) {
    EXPECT_THAT(Fault(StrCat("endpoints: ['", wrong, "']")),
                HasSubstr(StrCat("profiles.redis.endpoints has '", wrong, "'; expected host:port, such as")));
  }
  EXPECT_EQ(Fault("mode: cluster, endpoints: ['a:1', 'b:1', 'a:1']"), "profiles.redis.endpoints has 'a:1' twice");
  std::string many;
  for (int i = 1; i <= 65; ++i) StrAppend(&many, i == 1 ? "" : ", ", "'a:", i, "'");
  EXPECT_THAT(Fault(StrCat("mode: cluster, endpoints: [", many, "]")), HasSubstr("has 65; expected at most 64"));
}

TEST(RedisConfig, WhatContradictsItselfIsRefused) {
  EXPECT_THAT(Fault("sentinel_master: m"), HasSubstr("sentinel_master is 'm', but mode is not sentinel"));
  EXPECT_THAT(Fault("mode: cluster, sentinel_master: m"), HasSubstr("but mode is not sentinel"));
  for (const char* field : {"ca_file", "cert_file", "key_file", "server_name"}) {
    for (const char* off : {"", "enabled: false, "}) {
      EXPECT_EQ(Fault(StrCat("tls: {", off, field, ": x}")),
                StrCat("profiles.redis.tls.", field,
                       " is 'x', but tls is not enabled; set tls.enabled: true or leave it out"));
    }
  }
  EXPECT_THAT(Fault("tls: {enabled: true, cert_file: x}"), HasSubstr("tls has cert_file without key_file"));
  EXPECT_THAT(Fault("tls: {enabled: true, key_file: x}"), HasSubstr("tls has key_file without cert_file"));
  EXPECT_THAT(Fault("username: u"), HasSubstr("username is 'u', but there is no password_file"));
  EXPECT_THAT(Fault("mode: cluster, key_prefix: '{p}:'"), HasSubstr("leave the braces out"));
  EXPECT_THAT(Fault(StrCat("key_prefix: ", std::string(257, 'x'))), HasSubstr("257 bytes long; expected at most 256"));
  v1::RedisStoreConfig redis = Parsed("mode: sentinel");
  redis.set_sentinel_master("");
  EXPECT_THAT(std::string(CompleteRedisStore(&redis).message()), HasSubstr("sentinel_master is empty"));
  redis = Parsed("");
  redis.set_mode(static_cast<v1::RedisMode>(9));
  EXPECT_THAT(std::string(CompleteRedisStore(&redis).message()), HasSubstr("mode is 9; expected single"));
}

TEST(RedisConfig, FilesHaveToBeThere) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("good"), "secret\nwhat follows is not read\n");
  const auto fault = [&](const std::string& text) {
    const absl::Status status = CheckRedisFiles(Parsed(text));
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << text;
    return std::string(status.message());
  };
  for (const char* field : {"password_file: ", "tls: {ca_file: ", "tls: {cert_file: ", "tls: {key_file: "}) {
    const std::string end = field[0] == 't' ? "}" : "";
    EXPECT_THAT(fault(StrCat(field, dir.File("gone"), end)), HasSubstr("cannot be read: No such file"));
    EXPECT_THAT(fault(StrCat(field, dir.path(), end)), HasSubstr("cannot be read: "));
    EXPECT_TRUE(CheckRedisFiles(Parsed(StrCat(field, dir.File("good"), end))).ok());
  }
  testing::WriteFile(dir.File("empty"), "\n");
  EXPECT_THAT(fault(StrCat("password_file: ", dir.File("empty"))),
              HasSubstr("has an empty first line; expected the password"));
  EXPECT_TRUE(CheckRedisFiles(v1::RedisStoreConfig()).ok());
}

TEST(RedisConfig, IsDescribedInALine) {
  v1::RedisStoreConfig redis = Parsed("mode: sentinel, endpoints: ['a:1', 'b:1'], tls: {enabled: true}");
  ASSERT_TRUE(CompleteRedisStore(&redis).ok());
  EXPECT_EQ(DescribeRedis(redis), "mymaster by Sentinel a:1, b:1, TLS");
  redis = Parsed("mode: cluster, endpoints: ['a:1']");
  EXPECT_EQ(DescribeRedis(redis), "cluster a:1");
  redis = Parsed("endpoints: ['a:1']");
  EXPECT_EQ(DescribeRedis(redis), "a:1");
}

}  // namespace
}  // namespace kindred
