#include "server/options.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "absl/strings/str_split.h"
#include "core/base/str_cat.h"
#include "server/build_info.h"
#include "server/config_loader.h"

namespace kindred {
namespace {

Options Exit(int code) {
  Options options;
  options.action = Options::Action::kExit;
  options.exit_code = code;
  return options;
}

int Fail(const absl::Status& status, int code) {
  std::cerr << "kindred-server: " << status.message() << "\n";
  return code;
}

// "memory", "embedded:DIR", "redis" or "redis:HOST:PORT,…"; the other settings of the file's store stay.
bool SetStore(const std::string& flag, v1::ProfilesConfig* profiles) {
  constexpr std::string_view kEmbedded = "embedded:", kRedis = "redis:";
  const std::string_view text = flag;
  if (flag == "memory") {
    profiles->mutable_memory();
  } else if (flag == "redis") {
    profiles->mutable_redis();
  } else if (text.starts_with(kEmbedded) && text.size() > kEmbedded.size()) {
    profiles->mutable_embedded()->set_dir(flag.substr(kEmbedded.size()));
  } else if (text.starts_with(kRedis) && text.size() > kRedis.size()) {
    v1::RedisStoreConfig* redis = profiles->mutable_redis();
    redis->clear_endpoints();
    for (absl::string_view endpoint : absl::StrSplit(absl::string_view(flag).substr(kRedis.size()), ',')) {
      redis->add_endpoints(std::string(endpoint));
    }
  } else {
    return false;
  }
  return true;
}

constexpr const char* kStores = "memory, embedded:DIR, redis or redis:HOST:PORT[,HOST:PORT…]";

}  // namespace

Options ParseOptions(int argc, const char* const* argv) {
  CLI::App app("Serves recommendations from trained bundles over gRPC.", "kindred-server");
  std::string config_path, models, model_state, listen, admin, admin_grpc, profiles, items;
  bool check = false;
  app.add_option("--config", config_path, "Configuration file (YAML); the flags below override it")->type_name("FILE");
  app.add_option("--models", models, "Model store: DIR/<model>/<version>/bundle.safetensors [models]")
      ->type_name("DIR");
  app.add_option("--model-state", model_state,
                 "Where it is kept which versions operators chose; unused with --profiles memory [data/models]")
      ->type_name("DIR");
  app.add_option("--listen", listen, "Where gRPC listens; port 0 takes a free one [127.0.0.1:50051]")
      ->type_name("ADDR");
  app.add_option("--admin", admin, "Where metrics, health and status are served over HTTP [127.0.0.1:9464]")
      ->type_name("ADDR");
  app.add_option("--admin-grpc", admin_grpc,
                 "Where gRPC listens for operators, who say which items are out [127.0.0.1:50052]")
      ->type_name("ADDR");
  app.add_option("--profiles", profiles, StrCat("Where profiles live: ", kStores, " [embedded:data/profiles]"))
      ->type_name("STORE");
  app.add_option("--items", items, "Where it is kept which items are out; unused with --profiles memory [data/items]")
      ->type_name("DIR");
  app.add_flag("--check-config", check, "Say whether the configuration is good, and exit");
  app.set_version_flag("--version", StrCat("kindred-server ", kKindredVersion));
  app.footer(
      "Prints one line on standard output when it serves:\n"
      "  kindred-server ready: grpc=HOST:PORT admin=HOST:PORT admin_grpc=HOST:PORT\n"
      "Logs go to standard error. SIGTERM or SIGINT drains and exits 0; SIGHUP looks for new versions of models.\n"
      "Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage or no such configuration file.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Exit(app.exit(error) == 0 ? kExitOk : kExitUsage);
  }

  Options options;
  if (!config_path.empty()) {
    absl::StatusOr<v1::ServerConfig> config = LoadConfigFile(config_path);
    if (!config.ok()) return Exit(Fail(config.status(), absl::IsNotFound(config.status()) ? kExitUsage : kExitFailed));
    options.config = *std::move(config);
  }
  if (!models.empty()) options.config.mutable_models()->set_dir(models);
  if (!model_state.empty()) options.config.mutable_models()->set_state_dir(model_state);
  if (!listen.empty()) options.config.set_listen(listen);
  if (!admin.empty()) options.config.set_admin_listen(admin);
  if (!admin_grpc.empty()) options.config.set_admin_grpc_listen(admin_grpc);
  if (!items.empty()) options.config.mutable_items()->set_dir(items);
  if (!profiles.empty() && !SetStore(profiles, options.config.mutable_profiles())) {
    return Exit(
        Fail(absl::InvalidArgumentError(StrCat("--profiles is '", profiles, "'; expected ", kStores)), kExitUsage));
  }
  const absl::Status complete = CompleteConfig(&options.config);
  if (!complete.ok()) return Exit(Fail(complete, kExitFailed));
  const absl::Status files = check ? CheckConfigFiles(options.config) : absl::OkStatus();
  if (!files.ok()) return Exit(Fail(files, kExitFailed));
  if (check) options.action = Options::Action::kCheckConfig;
  return options;
}

}  // namespace kindred
