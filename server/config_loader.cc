#include "server/config_loader.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "server/yaml_message.h"

namespace kindred {
namespace {

// Sets a field that is not set to its default, and checks that what it has is from `min` to `max`.
#define KINDRED_COMPLETE(config, field, default_value, min, max)                                                      \
  do {                                                                                                                \
    if (!(config)->has_##field()) (config)->set_##field(default_value);                                               \
    RETURN_IF_ERROR(CheckRange((config)->GetTypeName(), #field, static_cast<uint64_t>((config)->field()), min, max)); \
  } while (false)

absl::Status CheckRange(const std::string& type, std::string_view field, uint64_t value, uint64_t min, uint64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s.%s is %d; expected %d to %d", type.substr(type.rfind('.') + 1), field, value, min, max));
}

absl::Status CompleteDuration(std::string_view name, int64_t default_seconds, bool present,
                              google::protobuf::Duration* duration) {
  if (!present) duration->set_seconds(default_seconds);
  const double seconds = static_cast<double>(duration->seconds()) + duration->nanos() * 1e-9;
  if (seconds >= 0 && seconds <= 600) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat("%s is %gs; expected 0s to 10m", name, seconds));
}

absl::Status CheckAddress(std::string_view name, const std::string& address) {
  const size_t colon = address.rfind(':');
  const bool has_port = colon != std::string::npos && colon + 1 < address.size() && colon > 0 &&
                        address.find_first_not_of("0123456789", colon + 1) == std::string::npos &&
                        address.size() - colon - 1 <= 5 && std::stoi(address.substr(colon + 1)) <= 65535;
  if (has_port) return absl::OkStatus();
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

  if (!config->models().has_dir()) config->mutable_models()->set_dir("models");

  v1::ProfilesConfig* profiles = config->mutable_profiles();
  KINDRED_COMPLETE(profiles, max_queued_updates, 4096, 1, 1'000'000);
  KINDRED_COMPLETE(profiles, max_commit_updates, 512, 1, 65'536);
  if (profiles->store_case() != v1::ProfilesConfig::kMemory) {
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
  const bool has_lame_duck = shutdown->has_lame_duck();
  const bool has_drain_timeout = shutdown->has_drain_timeout();
  RETURN_IF_ERROR(CompleteDuration("shutdown.lame_duck", 0, has_lame_duck, shutdown->mutable_lame_duck()));
  RETURN_IF_ERROR(CompleteDuration("shutdown.drain_timeout", 20, has_drain_timeout, shutdown->mutable_drain_timeout()));

  v1::LoggingConfig* logging = config->mutable_logging();
  if (!logging->has_level()) logging->set_level(v1::LOG_LEVEL_INFO);
  if (!logging->has_format()) logging->set_format(v1::LOG_FORMAT_JSON);
  return absl::OkStatus();
}

}  // namespace kindred
