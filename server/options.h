// The command line of kindred-server.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "kindred/v1/server_config.pb.h"

namespace kindred {

// What the process is asked to do.
struct Options {
  enum class Action : uint8_t {
    kServe,
    kCheckConfig,  // say whether the configuration is good, and go
    kExit,         // everything is said already (--help, --version, wrong usage): exit with `exit_code`
  };
  Action action = Action::kServe;
  int exit_code = 0;
  v1::ServerConfig config;  // complete: defaults, then the file, then flags
};

// Exit codes of the process.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // could not start or serve; or --check-config found a fault
inline constexpr int kExitUsage = 2;   // wrong flags, or no such configuration file

// Reads flags and the file they name; prints help, version and errors itself.
Options ParseOptions(int argc, const char* const* argv);

}  // namespace kindred
