// kindred-server: serves recommendations from trained bundles over gRPC.
#include <cstdio>
#include <string>

#include "core/bundle/fault_guard.h"
#include "server/build_info.h"
#include "server/logging.h"
#include "server/options.h"
#include "server/server.h"
#include "server/signals.h"

int main(int argc, char** argv) {
  using kindred::Options;
  const Options options = kindred::ParseOptions(argc, argv);
  if (options.action == Options::Action::kExit) return options.exit_code;
  if (options.action == Options::Action::kCheckConfig) {
    std::printf("configuration ok\n%s", options.config.DebugString().c_str());
    return kindred::kExitOk;
  }
  kindred::BlockSignals();
  kindred::InstallFaultGuard();
  kindred::InitLogging(options.config.logging());
  kindred::LogInfo("starting", {{"version", kindred::kKindredVersion}, {"build", kindred::kBuildType}});

  auto server = kindred::Server::Start(options.config, [] { return !kindred::StopSignalWaits(); });
  if (absl::IsCancelled(server.status()) && kindred::StopSignalWaits()) {
    kindred::LogInfo("stopped before it was ready");
    kindred::FlushLogs();
    return kindred::kExitOk;
  }
  if (!server.ok()) {
    kindred::LogError("cannot start", {{"error", std::string(server.status().message())}});
    kindred::FlushLogs();
    return kindred::kExitFailed;
  }
  kindred::LogInfo("ready", {{"grpc", (*server)->grpc_address()},
                             {"admin", (*server)->admin_address()},
                             {"admin_grpc", (*server)->admin_grpc_address()}});
  // Others wait for this line to know that the server takes calls, and where.
  std::printf("kindred-server ready: grpc=%s admin=%s admin_grpc=%s\n", (*server)->grpc_address().c_str(),
              (*server)->admin_address().c_str(), (*server)->admin_grpc_address().c_str());
  std::fflush(stdout);

  const std::string signal = kindred::WaitForStopSignal([&server] { (*server)->Rescan(); });
  kindred::LogInfo("stopping", {{"signal", signal}});
  (*server)->Stop();
  kindred::FlushLogs();
  return kindred::kExitOk;
}
