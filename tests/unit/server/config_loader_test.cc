#include "server/config_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/str_cat.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

v1::ServerConfig Parsed(std::string_view text) {
  v1::ServerConfig config;
  const absl::Status status = ParseYaml(text, "test.yaml", &config);
  EXPECT_TRUE(status.ok()) << status;
  return config;
}

std::string ParseError(std::string_view text) {
  v1::ServerConfig config;
  const absl::Status status = ParseYaml(text, "test.yaml", &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

TEST(ConfigLoader, ReadsEveryKindOfField) {
  const v1::ServerConfig config = Parsed(R"(# a comment
listen: 0.0.0.0:50051
admin_listen: "[::1]:0"
models: {dir: /srv/models}
profiles:
  embedded:
    dir: /var/lib/kindred
    block_cache_bytes: 1.5GiB
  max_queued_updates: 100
serving:
  threads: 3
  max_request_bytes: 65536
shutdown:
  lame_duck: 1.5s
  drain_timeout: 2m
logging: {level: warn, format: text, request_log: {path: /var/log/calls.jsonl, max_file_bytes: 1MiB}}
)");
  EXPECT_EQ(config.listen(), "0.0.0.0:50051");
  EXPECT_EQ(config.admin_listen(), "[::1]:0");
  EXPECT_EQ(config.models().dir(), "/srv/models");
  EXPECT_EQ(config.profiles().embedded().dir(), "/var/lib/kindred");
  EXPECT_EQ(config.profiles().embedded().block_cache_bytes(), 1'610'612'736u);
  EXPECT_EQ(config.profiles().max_queued_updates(), 100u);
  EXPECT_EQ(config.serving().threads(), 3u);
  EXPECT_EQ(config.serving().max_request_bytes(), 65536u);
  EXPECT_EQ(config.shutdown().lame_duck().seconds(), 1);
  EXPECT_EQ(config.shutdown().lame_duck().nanos(), 500'000'000);
  EXPECT_EQ(config.shutdown().drain_timeout().seconds(), 120);
  EXPECT_EQ(config.logging().level(), v1::LOG_LEVEL_WARN);
  EXPECT_EQ(config.logging().format(), v1::LOG_FORMAT_TEXT);
  EXPECT_EQ(config.logging().request_log().path(), "/var/log/calls.jsonl");
  EXPECT_EQ(config.logging().request_log().max_file_bytes(), 1u << 20);
}

TEST(ConfigLoader, AnEmptyTextIsAnEmptyConfiguration) {
  EXPECT_EQ(Parsed("").ByteSizeLong(), 0u);
  EXPECT_EQ(Parsed("# nothing but this\n").ByteSizeLong(), 0u);
  EXPECT_FALSE(Parsed("models:\nlisten: a:1\n").models().has_dir());
}

TEST(ConfigLoader, AnUnknownFieldNamesFileLineAndTheNearestName) {
  EXPECT_THAT(ParseError("listen: a:1\nprofiles:\n  embedded:\n    dri: /x\n"),
              HasSubstr("test.yaml:4: 'profiles.embedded' has no field 'dri' (did you mean 'dir'?); it has dir"));
  EXPECT_THAT(ParseError("\n\nlisen: a:1\n"), HasSubstr("test.yaml:3: the configuration has no field 'lisen' (did you "
                                                        "mean 'listen'?); it has listen, admin_listen"));
  // Nothing like it: no guess.
  EXPECT_THAT(ParseError("qqqqqqqqqqqq: 1\n"), HasSubstr("has no field 'qqqqqqqqqqqq'; it has"));
}

TEST(ConfigLoader, AValueOfTheWrongKindSaysWhatWasExpected) {
  EXPECT_EQ(ParseError("serving:\n  threads: many\n"),
            "test.yaml:2: 'serving.threads' is 'many'; expected a whole number, 0 or more");
  EXPECT_EQ(ParseError("serving:\n  threads: -1\n"),
            "test.yaml:2: 'serving.threads' is '-1'; expected a whole number, 0 or more");
  EXPECT_EQ(ParseError("serving: {max_request_bytes: 4MB}\n"),
            "test.yaml:1: 'serving.max_request_bytes' is '4MB'; expected a size such as 65536, 64KiB or 4MiB");
  EXPECT_EQ(ParseError("shutdown:\n  lame_duck: 5\n"),
            "test.yaml:2: 'shutdown.lame_duck' is '5'; expected a duration such as 500us, 5ms, 2s or 1m");
  EXPECT_EQ(ParseError("logging: {level: loud}\n"),
            "test.yaml:1: 'logging.level' is 'loud'; expected one of debug, info, warn, error");
  EXPECT_EQ(ParseError("logging: {level: unspecified}\n"),
            "test.yaml:1: 'logging.level' is 'unspecified'; expected one of debug, info, warn, error");
  EXPECT_EQ(ParseError("items: /srv\n"), "test.yaml:1: 'items' is '/srv'; expected a map with dir");
  EXPECT_EQ(ParseError("listen: [a, b]\n"), "test.yaml:1: 'listen' is a list; expected text");
  EXPECT_EQ(ParseError("listen:\n"), "test.yaml:1: 'listen' is empty; expected text");
  EXPECT_THAT(ParseError("- a\n- b\n"), HasSubstr("test.yaml:1: the configuration is a list; expected a map with"));
}

TEST(ConfigLoader, ListsAndSwitches) {
  const v1::ServerConfig config =
      Parsed("profiles:\n  redis:\n    endpoints: [a:1, '[::1]:2']\n    tls: {enabled: true}\n    mode: cluster\n");
  ASSERT_EQ(config.profiles().redis().endpoints_size(), 2);
  EXPECT_EQ(config.profiles().redis().endpoints(0), "a:1");
  EXPECT_EQ(config.profiles().redis().endpoints(1), "[::1]:2");
  EXPECT_TRUE(config.profiles().redis().tls().enabled());
  EXPECT_EQ(config.profiles().redis().mode(), v1::REDIS_MODE_CLUSTER);
  EXPECT_FALSE(Parsed("profiles: {redis: {tls: {enabled: false}}}").profiles().redis().tls().enabled());
  const auto fault = [](std::string_view text) { return ParseError(StrCat("profiles:\n  redis:\n    ", text)); };
  EXPECT_EQ(fault("endpoints: a:1\n"),
            "test.yaml:3: 'profiles.redis.endpoints' is 'a:1'; expected a list such as [a, b]");
  EXPECT_EQ(fault("endpoints: []\n"),
            "test.yaml:3: 'profiles.redis.endpoints' is an empty list; expected a list such as [a, b]");
  EXPECT_EQ(fault("endpoints:\n    mode: single\n"),
            "test.yaml:3: 'profiles.redis.endpoints' is empty; expected a list such as [a, b]");
  EXPECT_EQ(fault("endpoints:\n      - a:1\n      - {}\n"),
            "test.yaml:5: 'profiles.redis.endpoints[1]' is a map; expected text");
  EXPECT_EQ(fault("tls: {enabled: yes}\n"),
            "test.yaml:3: 'profiles.redis.tls.enabled' is 'yes'; expected true or false");
  EXPECT_EQ(fault("mode: sentinels\n"),
            "test.yaml:3: 'profiles.redis.mode' is 'sentinels'; expected one of single, sentinel, cluster");
}

TEST(ConfigLoader, OneValueAFieldAndOneStore) {
  EXPECT_EQ(ParseError("listen: a:1\nlisten: b:1\n"), "test.yaml:2: 'listen' is given twice");
  EXPECT_EQ(ParseError("profiles:\n  memory: {}\n  embedded: {dir: x}\n"),
            "test.yaml:3: 'profiles.embedded' and 'profiles.memory' are both given; choose one");
}

TEST(ConfigLoader, WhatIsNotYamlSaysWhere) {
  EXPECT_THAT(ParseError("listen: a:1\nmodels: {dir: [\n"), HasSubstr("test.yaml:3: not YAML: "));
  EXPECT_THAT(ParseError("a: b: c\n"), HasSubstr("test.yaml:1: not YAML: "));
}

TEST(ConfigLoader, CompletesWithTheDefaultsOfTheSchema) {
  v1::ServerConfig config;
  ASSERT_TRUE(CompleteConfig(&config).ok());
  EXPECT_EQ(config.listen(), "127.0.0.1:50051");
  EXPECT_EQ(config.admin_listen(), "127.0.0.1:9464");
  EXPECT_EQ(config.admin_grpc_listen(), "127.0.0.1:50052");
  EXPECT_EQ(config.items().dir(), "data/items");
  EXPECT_EQ(config.models().dir(), "models");
  EXPECT_EQ(config.profiles().embedded().dir(), "data/profiles");
  EXPECT_EQ(config.profiles().embedded().block_cache_bytes(), 64u << 20);
  EXPECT_EQ(config.profiles().max_queued_updates(), 4096u);
  EXPECT_EQ(config.profiles().max_commit_updates(), 512u);
  EXPECT_EQ(config.serving().threads(), 0u);
  EXPECT_EQ(config.serving().calls_per_method(), 128u);
  EXPECT_EQ(config.serving().max_request_bytes(), 4u << 20);
  EXPECT_EQ(config.serving().max_concurrent_streams(), 1000u);
  EXPECT_EQ(config.shutdown().lame_duck().seconds(), 0);
  EXPECT_EQ(config.shutdown().drain_timeout().seconds(), 20);
  EXPECT_EQ(config.logging().level(), v1::LOG_LEVEL_INFO);
  EXPECT_EQ(config.logging().format(), v1::LOG_FORMAT_JSON);
  EXPECT_EQ(config.logging().request_log().path(), "");
  EXPECT_EQ(config.logging().request_log().percent(), 1);
}

TEST(ConfigLoader, TheStoreThatIsAskedForStays) {
  v1::ServerConfig config = Parsed("profiles: {memory: {}}\n");
  ASSERT_TRUE(CompleteConfig(&config).ok());
  EXPECT_TRUE(config.profiles().has_memory());
  config = Parsed("profiles: {redis: {}}\n");
  ASSERT_TRUE(CompleteConfig(&config).ok());
  ASSERT_TRUE(config.profiles().has_redis());
  EXPECT_EQ(config.profiles().redis().endpoints(0), "127.0.0.1:6379");
}

TEST(ConfigLoader, ChecksWhatTheRedisStoreIsTold) {
  v1::ServerConfig config = Parsed("profiles: {redis: {ttl: 30s}}\n");
  EXPECT_EQ(std::string(CompleteConfig(&config).message()), "profiles.redis.ttl is 30s; expected 1m to 365d");
  config = Parsed("profiles: {redis: {password_file: /nowhere/password, username: u}}\n");
  ASSERT_TRUE(CompleteConfig(&config).ok());
  EXPECT_THAT(std::string(CheckConfigFiles(config).message()), HasSubstr("'/nowhere/password' cannot be read"));
  config = Parsed("");
  ASSERT_TRUE(CompleteConfig(&config).ok());
  EXPECT_TRUE(CheckConfigFiles(config).ok());
}

TEST(ConfigLoader, CompletingChecksRanges) {
  const auto fault = [](std::string_view text) {
    v1::ServerConfig config = Parsed(text);
    return std::string(CompleteConfig(&config).message());
  };
  EXPECT_EQ(fault("serving: {threads: 257}"), "ServingConfig.threads is 257; expected 0 to 256");
  EXPECT_EQ(fault("serving: {max_request_bytes: 1KiB}"),
            "ServingConfig.max_request_bytes is 1024; expected 65536 to 67108864");
  EXPECT_EQ(fault("profiles: {max_queued_updates: 0}"),
            "ProfilesConfig.max_queued_updates is 0; expected 1 to 1000000");
  EXPECT_EQ(fault("shutdown: {drain_timeout: 1h}"), "shutdown.drain_timeout is 3600s; expected 0s to 10m");
  for (const char* address :
       {"nowhere", ":50051", "host:", "host:99999", "host:12a", "host:-1", "::1:80", "[::1", "[]:80"}) {
    EXPECT_THAT(fault(std::string("listen: \"") + address + "\""), HasSubstr("listen is '")) << address;
    EXPECT_THAT(fault(std::string("admin_grpc_listen: \"") + address + "\""), HasSubstr("admin_grpc_listen is '"));
  }
}

TEST(ConfigLoader, ReadsAFile) {
  const testing::TempDir dir;
  EXPECT_EQ(LoadConfigFile(dir.File("missing.yaml")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadConfigFile(dir.path()).status().code(), absl::StatusCode::kNotFound);
  testing::WriteFile(dir.File("empty.yaml"), "");
  EXPECT_TRUE(LoadConfigFile(dir.File("empty.yaml")).ok());
  testing::WriteFile(dir.File("good.yaml"), "listen: 127.0.0.1:1\n");
  const auto config = LoadConfigFile(dir.File("good.yaml"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen(), "127.0.0.1:1");
  testing::WriteFile(dir.File("bad.yaml"), "\nlissten: 1\n");
  EXPECT_THAT(std::string(LoadConfigFile(dir.File("bad.yaml")).status().message()), HasSubstr("bad.yaml:2: "));
}

TEST(ConfigLoader, ReadsMapsAndFractions) {
  const v1::ServerConfig config = Parsed(R"(
models:
  load_mode: copy
  verify: header
  gate: {min_overlap: 0.25, memory_headroom_bytes: 1GiB}
  policies:
    groceries:
      pinned: 7
      labels: {canary: 8, "last.year": 3}
      canary_percent: 2.5
    shoes: {shadow_percent: 1}
)");
  EXPECT_EQ(config.models().load_mode(), v1::LOAD_MODE_COPY);
  EXPECT_EQ(config.models().gate().min_overlap(), 0.25);
  ASSERT_EQ(config.models().policies_size(), 2);
  const v1::ModelPolicyConfig& groceries = config.models().policies().at("groceries");
  EXPECT_EQ(groceries.pinned(), 7u);
  EXPECT_EQ(groceries.canary_percent(), 2.5);
  EXPECT_EQ(groceries.labels().at("last.year"), 3u);
  EXPECT_EQ(config.models().policies().at("shoes").shadow_percent(), 1);
}

TEST(ConfigLoader, WrongMapsAndFractionsAreNamedWithTheirLine) {
  EXPECT_EQ(ParseError("models:\n  policies: [a]"),
            "test.yaml:2: 'models.policies' is a list; expected a map from names of your own");
  EXPECT_EQ(ParseError("models:\n  policies:\n    a: {}\n    a: {}"),
            "test.yaml:4: 'models.policies.a' is given twice");
  EXPECT_THAT(ParseError("models:\n  policies:\n    a: {pined: 7}"), HasSubstr("did you mean 'pinned'?"));
  EXPECT_EQ(ParseError("models:\n  policies:\n    a: {labels: {canary: new}}"),
            "test.yaml:3: 'models.policies.a.labels.canary' is 'new'; expected a whole number, 0 or more");
  EXPECT_EQ(ParseError("models:\n  policies:\n    [a]: {}"),
            "test.yaml:3: 'models.policies' has a list for a name; expected text");
  EXPECT_EQ(ParseError("models:\n  gate:\n    min_overlap: much"),
            "test.yaml:3: 'models.gate.min_overlap' is 'much'; expected a number such as 2 or 0.05");
  EXPECT_THAT(ParseError("models: {gate: {min_overlap: .nan}}"), HasSubstr("expected a number"));
  EXPECT_THAT(ParseError("models: {gate: {min_overlap: nan}}"), HasSubstr("expected a number"));
}

}  // namespace
}  // namespace kindred
