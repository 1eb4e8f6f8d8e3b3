#include "server/redis_profiles.h"

#include <gtest/gtest.h>

#include "server/redis_config.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

v1::RedisStoreConfig Complete(v1::RedisStoreConfig config = {}) {
  const absl::Status status = CompleteRedisStore(&config);
  EXPECT_TRUE(status.ok()) << status;
  return config;
}

Profile Updated(const std::string& user) {
  Profile profile;
  profile.user_id = user;
  profile.version = 1;
  profile.updated_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  profile.events.push_back({"item", "view", profile.updated_ms, 1.0, 0, 7});
  return profile;
}

TEST(RedisProfiles, TheClientIsToldWhatTheConfigurationSays) {
  v1::RedisStoreConfig config;
  config.add_endpoints("a:1");
  config.add_endpoints("[::1]:2");
  config.set_mode(v1::REDIS_MODE_SENTINEL);
  config.set_sentinel_master("the-master");
  config.set_username("kindred");
  config.set_password_file("/password");
  config.mutable_tls()->set_enabled(true);
  config.mutable_tls()->set_ca_file("/ca");
  config.mutable_tls()->set_cert_file("/cert");
  config.mutable_tls()->set_key_file("/key");
  config.mutable_tls()->set_server_name("redis.internal");
  config.set_connections_per_node(3);
  config.set_max_in_flight(77);
  const redis::ClientOptions options = ClientOptionsOf(Complete(config));
  EXPECT_EQ(options.endpoints, (std::vector<std::string>{"a:1", "[::1]:2"}));
  EXPECT_EQ(options.mode, redis::Mode::kSentinel);
  EXPECT_EQ(options.sentinel_master, "the-master");
  EXPECT_EQ(options.username, "kindred");
  EXPECT_EQ(options.password_file, "/password");
  EXPECT_TRUE(options.tls.enabled);
  EXPECT_EQ(options.tls.ca_file, "/ca");
  EXPECT_EQ(options.tls.cert_file, "/cert");
  EXPECT_EQ(options.tls.key_file, "/key");
  EXPECT_EQ(options.tls.server_name, "redis.internal");
  EXPECT_EQ(options.connections_per_node, 3u);
  EXPECT_EQ(options.max_in_flight, 77u);
  EXPECT_EQ(ClientOptionsOf(Complete()).mode, redis::Mode::kSingle);
  config.set_mode(v1::REDIS_MODE_CLUSTER);
  EXPECT_EQ(ClientOptionsOf(config).mode, redis::Mode::kCluster);
}

TEST(RedisProfiles, TheStoreIsToldWhatTheConfigurationSays) {
  v1::RedisStoreConfig config;
  config.set_key_prefix("p:");
  config.mutable_ttl()->set_seconds(3600);
  config.mutable_op_timeout()->set_nanos(7'000'000);
  config.set_max_backlog(5);
  config.mutable_journal()->set_dir("/journal");
  config.mutable_near_cache()->mutable_ttl()->set_nanos(0);
  config.mutable_near_cache()->mutable_negative_ttl()->set_seconds(3);
  config.mutable_near_cache()->set_max_bytes(9);
  ProfileLimits limits;
  limits.max_events = 11;
  RedisStoreOptions options = StoreOptionsOf(Complete(config), limits);
  EXPECT_EQ(options.key_prefix, "p:");
  EXPECT_EQ(options.limits.max_events, 11u);
  EXPECT_EQ(options.ttl, std::chrono::hours(1));
  EXPECT_GT(options.tombstone_ttl, options.ttl * 11 / 10);
  EXPECT_EQ(options.read_timeout, std::chrono::milliseconds(7));
  EXPECT_EQ(options.near_ttl.count(), 0);
  EXPECT_EQ(options.negative_ttl, std::chrono::seconds(3));
  EXPECT_EQ(options.near_bytes, 9u);
  EXPECT_EQ(options.max_backlog, 5u);
  EXPECT_TRUE(options.scan);
  EXPECT_TRUE(options.sync_journal);
  EXPECT_EQ(options.servers_file.rfind("/journal", 0), 0u);
  const std::string server_id = options.server_id;
  config.set_mode(v1::REDIS_MODE_CLUSTER);
  config.set_required_durability(v1::REQUIRED_DURABILITY_MEMORY);
  options = StoreOptionsOf(Complete(config), limits);
  EXPECT_FALSE(options.scan);
  EXPECT_GT(options.canary_keys, 1u);
  EXPECT_FALSE(options.sync_journal);
  // The same for the same journal, another for another.
  EXPECT_EQ(options.server_id, server_id);
  config.mutable_journal()->set_dir("/other");
  EXPECT_NE(StoreOptionsOf(Complete(config), limits).server_id, server_id);
}

TEST(RedisProfiles, TheCacheOfAnswersIsToldWhatTheConfigurationSays) {
  v1::RedisStoreConfig config;
  config.set_key_prefix("p:");
  config.mutable_op_timeout()->set_nanos(7'000'000);
  config.mutable_answer_cache()->mutable_ttl()->set_seconds(90);
  const AnswerCacheOptions options = AnswerOptionsOf(Complete(config));
  EXPECT_EQ(options.profile_prefix, "p:");
  EXPECT_EQ(options.op_timeout, std::chrono::milliseconds(7));
  EXPECT_EQ(options.ttl, std::chrono::seconds(90));
  const testing::TempDir dir;
  config.mutable_journal()->set_dir(dir.File("journal"));
  for (const bool enabled : {false, true}) {
    config.mutable_answer_cache()->set_enabled(enabled);
    auto profiles = RedisProfiles::Open(Complete(config), {});
    ASSERT_TRUE(profiles.ok()) << profiles.status();
    EXPECT_EQ((*profiles)->answers() != nullptr, enabled);
  }
}

TEST(RedisProfiles, ATimeoutIsNeverNone) {
  v1::RedisStoreConfig config;
  config.mutable_op_timeout()->set_nanos(500'000);
  EXPECT_GT(StoreOptionsOf(Complete(config), {}).read_timeout.count(), 0);
}

TEST(RedisProfiles, OpensWithoutRedisAndKeepsWhatIsCommitted) {
  const testing::TempDir dir;
  v1::RedisStoreConfig config;
  config.add_endpoints("127.0.0.1:1");
  config.mutable_journal()->set_dir(dir.File("journal"));
  {
    auto profiles = RedisProfiles::Open(Complete(config), {});
    ASSERT_TRUE(profiles.ok()) << profiles.status();
    const Profile profile = Updated("ann");
    const Profile* committed[] = {&profile};
    ASSERT_TRUE((*profiles)->store()->Commit(committed).ok());
    const RedisSnapshot snapshot = (*profiles)->Snapshot();
    EXPECT_EQ(snapshot.store.backlog, 1u);
    EXPECT_EQ(snapshot.store.backlog_limit, 1'000'000u);
    EXPECT_GE(snapshot.store.backlog_oldest_seconds, 0);
    EXPECT_FALSE((*profiles)->Drain(std::chrono::steady_clock::now()));
  }
  auto again = RedisProfiles::Open(Complete(config), {});
  ASSERT_TRUE(again.ok()) << again.status();
  Profile profile;
  const auto found = (*again)->store()->Get("ann", &profile);
  ASSERT_TRUE(found.ok() && *found) << found.status();
  EXPECT_EQ(profile.version, 1u);
}

TEST(RedisProfiles, SaysWhatItCannotOpen) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("file"), "");
  v1::RedisStoreConfig config;
  config.mutable_journal()->set_dir(dir.File("file"));
  EXPECT_FALSE(RedisProfiles::Open(Complete(config), {}).ok());
  config.mutable_journal()->set_dir(dir.File("journal"));
  config.set_password_file(dir.File("nowhere"));
  const auto missing = RedisProfiles::Open(Complete(config), {});
  EXPECT_NE(std::string(missing.status().message()).find(dir.File("nowhere")), std::string::npos) << missing.status();
}

}  // namespace
}  // namespace kindred
