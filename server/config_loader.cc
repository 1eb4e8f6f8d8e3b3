#include "server/config_loader.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "server/config_checks.h"
#include "server/model_config.h"
#include "server/redis_config.h"
#include "server/request_log.h"
#include "server/yaml_message.h"

namespace kindred {
namespace {

absl::Status CheckAddress(std::string_view name, const std::string& address) {
  std::string host;
  uint16_t port = 0;
  if (SplitHostPort(address, 0, &host, &port)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s is '%s'; expected host:port, such as 127.0.0.1:50051 or [::1]:50051 (port 0 takes a free one)", name,
      address));
}

}  // namespace

absl::Status ParseYaml(std::string_view text, std::string_view source, google::protobuf::Message* message) {
  return YamlMessageReader(source).Read(text, message);
}

absl::StatusOr<v1::ServerConfig> LoadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  std::error_code ignored;
  if (!file.is_open() || std::filesystem::is_directory(path, ignored)) {
    return absl::NotFoundError(absl::StrFormat("configuration file '%s' cannot be read", path));
  }
  text << file.rdbuf();
  v1::ServerConfig config;
  RETURN_IF_ERROR(ParseYaml(text.str(), path, &config));
  return config;
}

absl::Status CompleteConfig(v1::ServerConfig* config) {
  if (!config->has_listen()) config->set_listen("127.0.0.1:50051");
  if (!config->has_admin_listen()) config->set_admin_listen("127.0.0.1:9464");
  if (!config->has_admin_grpc_listen()) config->set_admin_grpc_listen("127.0.0.1:50052");
  RETURN_IF_ERROR(CheckAddress("listen", config->listen()));
  RETURN_IF_ERROR(CheckAddress("admin_listen", config->admin_listen()));
  RETURN_IF_ERROR(CheckAddress("admin_grpc_listen", config->admin_grpc_listen()));

  RETURN_IF_ERROR(CompleteModels(config->mutable_models()));

  v1::ProfilesConfig* profiles = config->mutable_profiles();
  KINDRED_COMPLETE(profiles, max_queued_updates, 4096, 1, 1'000'000);
  KINDRED_COMPLETE(profiles, max_commit_updates, 512, 1, 65'536);
  if (profiles->has_redis()) {
    RETURN_IF_ERROR(CompleteRedisStore(profiles->mutable_redis()));
  } else if (!profiles->has_memory()) {
    v1::EmbeddedStoreConfig* embedded = profiles->mutable_embedded();
    if (!embedded->has_dir()) embedded->set_dir("data/profiles");
    KINDRED_COMPLETE(embedded, block_cache_bytes, 64u << 20, 1u << 20, uint64_t{1} << 40);
  }

  if (!config->items().has_dir()) config->mutable_items()->set_dir("data/items");

  v1::ServingConfig* serving = config->mutable_serving();
  KINDRED_COMPLETE(serving, threads, 0, 0, 256);
  KINDRED_COMPLETE(serving, calls_per_method, 128, 1, 4'096);
  KINDRED_COMPLETE(serving, max_request_bytes, 4u << 20, 64u << 10, 64u << 20);
  KINDRED_COMPLETE(serving, max_concurrent_streams, 1'000, 1, 100'000);

  v1::ShutdownConfig* shutdown = config->mutable_shutdown();
  using std::chrono::minutes;
  using std::chrono::seconds;
  KINDRED_COMPLETE_DURATION(shutdown, lame_duck, "shutdown.lame_duck", seconds(0), seconds(0), minutes(10));
  KINDRED_COMPLETE_DURATION(shutdown, drain_timeout, "shutdown.drain_timeout", seconds(20), seconds(0), minutes(10));

  v1::LoggingConfig* logging = config->mutable_logging();
  if (!logging->has_level()) logging->set_level(v1::LOG_LEVEL_INFO);
  if (!logging->has_format()) logging->set_format(v1::LOG_FORMAT_JSON);
  return CompleteRequestLog(logging->mutable_request_log());
}

absl::Status CheckConfigFiles(const v1::ServerConfig& config) {
  return config.profiles().has_redis() ? CheckRedisFiles(config.profiles().redis()) : absl::OkStatus();
}

}  // namespace kindred
