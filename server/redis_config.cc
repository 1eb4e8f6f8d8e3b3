#include "server/redis_config.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "server/config_checks.h"
#include "server/excerpt.h"
#include "server/profiles/answer_cache.h"

namespace kindred {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr size_t kMaxPrefixBytes = 256;
constexpr int kMaxEndpoints = 64;

template <typename... Args>
absl::Status Wrong(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::InvalidArgumentError(absl::StrFormat(format, args...));
}

absl::Status CheckEndpoints(const v1::RedisStoreConfig& redis) {
  std::set<std::pair<std::string, uint16_t>> seen;
  for (const std::string& endpoint : redis.endpoints()) {
    std::pair<std::string, uint16_t> address;
    if (!SplitHostPort(endpoint, 1, &address.first, &address.second)) {
      return Wrong("profiles.redis.endpoints has '%s'; expected host:port, such as 127.0.0.1:6379 or [::1]:6379",
                   Excerpt(endpoint));
    }
    if (!seen.insert(address).second) return Wrong("profiles.redis.endpoints has '%s' twice", Excerpt(endpoint));
  }
  if (redis.endpoints_size() > kMaxEndpoints) {
    return Wrong("profiles.redis.endpoints has %d; expected at most %d: some nodes are enough to find the others",
                 redis.endpoints_size(), kMaxEndpoints);
  }
  return absl::OkStatus();
}

absl::Status CheckMode(const v1::RedisStoreConfig& redis) {
  switch (redis.mode()) {
    case v1::REDIS_MODE_SENTINEL:
      if (!redis.sentinel_master().empty()) return absl::OkStatus();
      return Wrong("profiles.redis.sentinel_master is empty; expected the name that Sentinel has for the master");
    case v1::REDIS_MODE_SINGLE:
    case v1::REDIS_MODE_CLUSTER:
      if (redis.sentinel_master().empty()) return absl::OkStatus();
      return Wrong(
          "profiles.redis.sentinel_master is '%s', but mode is not sentinel; set mode: sentinel or leave it out",
          Excerpt(redis.sentinel_master()));
    default:
      return Wrong("profiles.redis.mode is %d; expected single, sentinel or cluster", static_cast<int>(redis.mode()));
  }
}

absl::Status CheckTls(const v1::RedisTlsConfig& tls) {
  const std::pair<const char*, const std::string*> fields[] = {{"ca_file", &tls.ca_file()},
                                                               {"cert_file", &tls.cert_file()},
                                                               {"key_file", &tls.key_file()},
                                                               {"server_name", &tls.server_name()}};
  for (const auto& [name, value] : fields) {
    if (!tls.enabled() && !value->empty()) {
      return Wrong("profiles.redis.tls.%s is '%s', but tls is not enabled; set tls.enabled: true or leave it out", name,
                   Excerpt(*value));
    }
  }
  if (tls.cert_file().empty() != tls.key_file().empty()) {
    return Wrong("profiles.redis.tls has %s without %s; expected both or none",
                 tls.cert_file().empty() ? "key_file" : "cert_file",
                 tls.cert_file().empty() ? "cert_file" : "key_file");
  }
  return absl::OkStatus();
}

absl::Status CheckKeysAndNames(const v1::RedisStoreConfig& redis) {
  const std::string& prefix = redis.key_prefix();
  if (prefix.size() > kMaxPrefixBytes) {
    return Wrong("profiles.redis.key_prefix is %d bytes long; expected at most %d", prefix.size(), kMaxPrefixBytes);
  }
  if (redis.mode() == v1::REDIS_MODE_CLUSTER && prefix.find('{') != std::string::npos) {
    return Wrong(
        "profiles.redis.key_prefix is '%s'; in a cluster what stands in braces decides the node, so all "
        "profiles would be on one: leave the braces out",
        Excerpt(prefix));
  }
  if (!redis.username().empty() && redis.password_file().empty()) {
    return Wrong(
        "profiles.redis.username is '%s', but there is no password_file; expected both, or none for the default "
        "user",
        Excerpt(redis.username()));
  }
  return absl::OkStatus();
}

// With such a prefix the key of one user's answer is that of another's profile.
absl::Status CheckAnswerKeys(const v1::RedisStoreConfig& redis) {
  const std::string_view prefix = redis.key_prefix();
  if (!redis.answer_cache().enabled()) return absl::OkStatus();
  if (!prefix.starts_with(kAnswerPrefix) && !kAnswerPrefix.starts_with(prefix)) return absl::OkStatus();
  return Wrong(
      "profiles.redis.key_prefix is '%s', but answer_cache keeps answers under %s; expected another prefix, such as "
      "profile:",
      Excerpt(prefix), kAnswerPrefix);
}

absl::Status CheckFile(std::string_view field, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  std::error_code ignored;
  errno = 0;
  const std::ifstream file(path, std::ios::binary);
  if (file.is_open() && !std::filesystem::is_directory(path, ignored)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrFormat("profiles.redis.%s '%s' cannot be read: %s", field, path,
                                             file.is_open() ? "it is a folder" : std::strerror(errno)));
}

}  // namespace

absl::Status CompleteRedisStore(v1::RedisStoreConfig* redis) {
  if (redis->endpoints().empty()) redis->add_endpoints("127.0.0.1:6379");
  if (!redis->has_mode()) redis->set_mode(v1::REDIS_MODE_SINGLE);
  if (redis->mode() == v1::REDIS_MODE_SENTINEL && !redis->has_sentinel_master()) redis->set_sentinel_master("mymaster");
  if (!redis->has_key_prefix()) redis->set_key_prefix("profile:");
  if (!redis->mutable_tls()->has_enabled()) redis->mutable_tls()->set_enabled(false);
  RETURN_IF_ERROR(CheckMode(*redis));
  RETURN_IF_ERROR(CheckEndpoints(*redis));
  RETURN_IF_ERROR(CheckKeysAndNames(*redis));
  RETURN_IF_ERROR(CheckTls(redis->tls()));

  KINDRED_COMPLETE_DURATION(redis, ttl, "profiles.redis.ttl", hours(24), minutes(1), hours(24 * 365));
  KINDRED_COMPLETE_DURATION(redis, op_timeout, "profiles.redis.op_timeout", milliseconds(5), microseconds(500),
                            seconds(1));
  KINDRED_COMPLETE(redis, connections_per_node, 2, 1, 16);
  KINDRED_COMPLETE(redis, max_in_flight, 1'024, 1, 65'536);
  KINDRED_COMPLETE(redis, max_backlog, 1'000'000, 1, 100'000'000);

  v1::EmbeddedStoreConfig* journal = redis->mutable_journal();
  if (!journal->has_dir()) journal->set_dir("data/journal");
  KINDRED_COMPLETE(journal, block_cache_bytes, 64u << 20, 1u << 20, uint64_t{1} << 40);

  v1::NearCacheConfig* cache = redis->mutable_near_cache();
  KINDRED_COMPLETE_DURATION(cache, ttl, "profiles.redis.near_cache.ttl", seconds(2), seconds(0), minutes(1));
  KINDRED_COMPLETE_DURATION(cache, negative_ttl, "profiles.redis.near_cache.negative_ttl", seconds(1), seconds(0),
                            minutes(1));
  KINDRED_COMPLETE(cache, max_bytes, 64u << 20, 0, uint64_t{1} << 40);

  if (!redis->has_required_durability()) redis->set_required_durability(v1::REQUIRED_DURABILITY_JOURNAL);
  v1::AnswerCacheConfig* answers = redis->mutable_answer_cache();
  if (!answers->has_enabled()) answers->set_enabled(false);
  RETURN_IF_ERROR(CheckAnswerKeys(*redis));
  KINDRED_COMPLETE_DURATION(answers, ttl, "profiles.redis.answer_cache.ttl", hours(1), seconds(1), hours(24));
  return absl::OkStatus();
}

absl::Status CheckRedisFiles(const v1::RedisStoreConfig& redis) {
  RETURN_IF_ERROR(CheckFile("password_file", redis.password_file()));
  RETURN_IF_ERROR(CheckFile("tls.ca_file", redis.tls().ca_file()));
  RETURN_IF_ERROR(CheckFile("tls.cert_file", redis.tls().cert_file()));
  RETURN_IF_ERROR(CheckFile("tls.key_file", redis.tls().key_file()));
  if (redis.password_file().empty()) return absl::OkStatus();
  std::ifstream file(redis.password_file(), std::ios::binary);
  std::string password;
  std::getline(file, password);
  if (!password.empty() && password.back() == '\r') password.pop_back();
  if (!password.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrFormat(
      "profiles.redis.password_file '%s' has an empty first line; expected the password", redis.password_file()));
}

std::string DescribeRedis(const v1::RedisStoreConfig& redis) {
  std::string text = redis.mode() == v1::REDIS_MODE_SENTINEL
                         ? absl::StrFormat("%s by Sentinel ", redis.sentinel_master())
                     : redis.mode() == v1::REDIS_MODE_CLUSTER ? "cluster "
                                                              : "";
  return text + absl::StrJoin(redis.endpoints(), ", ") + (redis.tls().enabled() ? ", TLS" : "");
}

}  // namespace kindred
