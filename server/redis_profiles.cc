#include "server/redis_profiles.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/checksum.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "server/config_checks.h"

namespace kindred {
namespace {

using std::chrono::milliseconds;

// Deletions are remembered for longer than any profile lives: its time to live and the ±10 % of it.
constexpr int kTombstoneTtls = 2;

// Slots of a cluster that are looked at, so that each of its nodes very likely has one.
constexpr uint32_t kClusterCanaries = 64;

constexpr std::chrono::hours kPublishInterval(1);

milliseconds Milliseconds(const google::protobuf::Duration& duration) {
  return std::chrono::ceil<milliseconds>(FromDuration(duration));
}

// The same after a restart, and another one for every journal.
std::string ServerId(const std::string& journal_dir) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  std::error_code ignored;
  const std::string text = StrCat(host.data(), "\n", std::filesystem::absolute(journal_dir, ignored).string());
  return absl::StrFormat("%016x", Xxh3(std::as_bytes(std::span(text))));
}

}  // namespace

redis::ClientOptions ClientOptionsOf(const v1::RedisStoreConfig& config) {
  redis::ClientOptions options;
  options.endpoints.assign(config.endpoints().begin(), config.endpoints().end());
  options.mode = config.mode() == v1::REDIS_MODE_SENTINEL  ? redis::Mode::kSentinel
                 : config.mode() == v1::REDIS_MODE_CLUSTER ? redis::Mode::kCluster
                                                           : redis::Mode::kSingle;
  options.sentinel_master = config.sentinel_master();
  options.username = config.username();
  options.password_file = config.password_file();
  options.tls.enabled = config.tls().enabled();
  options.tls.ca_file = config.tls().ca_file();
  options.tls.cert_file = config.tls().cert_file();
  options.tls.key_file = config.tls().key_file();
  options.tls.server_name = config.tls().server_name();
  options.connections_per_node = config.connections_per_node();
  options.max_in_flight = config.max_in_flight();
  return options;
}

AnswerCacheOptions AnswerOptionsOf(const v1::RedisStoreConfig& config) {
  AnswerCacheOptions options;
  options.profile_prefix = config.key_prefix();
  options.ttl = Milliseconds(config.answer_cache().ttl());
  options.op_timeout = Milliseconds(config.op_timeout());
  return options;
}

RedisStoreOptions StoreOptionsOf(const v1::RedisStoreConfig& config, const ProfileLimits& limits) {
  RedisStoreOptions options;
  options.key_prefix = config.key_prefix();
  options.limits = limits;
  options.ttl = Milliseconds(config.ttl());
  options.tombstone_ttl = kTombstoneTtls * options.ttl;
  options.read_timeout = Milliseconds(config.op_timeout());
  options.write_timeout = std::max(options.write_timeout, Milliseconds(config.op_timeout()));
  options.near_ttl = Milliseconds(config.near_cache().ttl());
  options.negative_ttl = Milliseconds(config.near_cache().negative_ttl());
  options.near_bytes = config.near_cache().max_bytes();
  options.max_backlog = config.max_backlog();
  const bool cluster = config.mode() == v1::REDIS_MODE_CLUSTER;
  options.canary_keys = cluster ? kClusterCanaries : 1;
  options.scan = !cluster;
  options.server_id = ServerId(config.journal().dir());
  options.servers_file = StrCat(config.journal().dir(), "/redis_servers");
  options.sync_journal = config.required_durability() != v1::REQUIRED_DURABILITY_MEMORY;
  return options;
}

absl::StatusOr<std::unique_ptr<RedisProfiles>> RedisProfiles::Open(const v1::RedisStoreConfig& config,
                                                                   const ProfileLimits& limits) {
  std::unique_ptr<RedisProfiles> profiles(new RedisProfiles(config.max_backlog()));
  ASSIGN_OR_RETURN(auto journal, ProfileJournal::Open(config.journal().dir(), config.journal().block_cache_bytes()));
  ASSIGN_OR_RETURN(profiles->client_, redis::RedisClient::Create(ClientOptionsOf(config)));
  if (config.answer_cache().enabled()) {
    profiles->answers_ = std::make_unique<AnswerCache>(profiles->client_.get(), AnswerOptionsOf(config));
  }
  const RedisStoreOptions options = StoreOptionsOf(config, limits);
  profiles->metadata_ = std::make_unique<ModelMetadata>(profiles->client_.get(), options.server_id);
  profiles->store_ = std::make_unique<RedisProfileStore>(profiles->client_.get(), std::move(journal), options);
  // Called at once for servers that are met already. Models are said again too, since the first time may have been
  // before there was a connection.
  profiles->client_->set_on_new_server([store = profiles->store_.get(), metadata = profiles->metadata_.get()](
                                           std::string_view node, std::string_view run_id) {
    store->OnNewServer(node, run_id);
    metadata->PublishAll();
  });
  profiles->store_->upkeep()->Every(kPublishInterval,
                                    [metadata = profiles->metadata_.get()] { metadata->PublishAll(); });
  return profiles;
}

void RedisProfiles::Publish(std::span<const ModelHandle> models) {
  for (const ModelHandle& model : models) metadata_->Publish(model->name(), StrCat(model->version()), model->digest());
}

RedisProfiles::~RedisProfiles() {
  if (client_ != nullptr) client_->set_on_new_server(nullptr);
}

RedisSnapshot RedisProfiles::Snapshot() const {
  RedisSnapshot snapshot;
  snapshot.client = client_->stats();
  const RedisStoreStats& stats = store_->stats();
  RedisStoreFigures& figures = snapshot.store;
  figures.overlay = stats.overlay_hits.load();
  figures.near_cache = stats.near_hits.load();
  figures.negative_cache = stats.negative_hits.load();
  figures.redis = stats.redis_hits.load();
  figures.journal = stats.journal_hits.load();
  figures.none = stats.redis_misses.load();
  figures.degraded = stats.degraded.load();
  figures.joins = stats.joined.load();
  for (size_t i = 0; i < figures.corrupt.size(); ++i) figures.corrupt[i] = stats.corrupt[i].load();
  figures.repairs = stats.repairs.load();
  figures.applied = stats.applied.load();
  figures.apply_failures = stats.failures.load();
  figures.conflicts = stats.conflicts.load();
  figures.replays = stats.replays.load() + stats.reapplied.load();
  figures.backlog = stats.backlog.load();
  figures.backlog_limit = backlog_limit_;
  const int64_t since_ms = stats.backlog_since_ms.load();
  if (since_ms > 0) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto age = std::chrono::duration<double>(now) - std::chrono::duration<double, std::milli>(since_ms);
    figures.backlog_oldest_seconds = std::max(0.0, age.count());
  }
  if (answers_ != nullptr) {
    figures.answer_hits = answers_->stats().hits.load();
    figures.answer_misses = answers_->stats().misses.load();
    figures.answer_errors = answers_->stats().errors.load();
  }
  figures.near_entries = store_->near_cache().entries();
  figures.near_bytes = store_->near_cache().bytes();
  return snapshot;
}

}  // namespace kindred
