// A redis-server of a test's own, on a free port of the loopback, with its files in a folder that goes away. Ended with
// the object, whatever state it is in. A failure fails the test.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/files.h"

namespace kindred::testing {

// A TCP port of the loopback that nobody listens on.
uint16_t FreePort();

class RedisProcess {
 public:
  // Whether redis-server is installed. Tests that need it and do not find it say so and are skipped.
  static bool Installed();

  // Starts "redis-server [CONFIG] ARGUMENT…" behind the usual ones (port, folder, nothing saved), and waits until it
  // listens.
  explicit RedisProcess(std::vector<std::string> arguments = {}, std::string config_file = {});
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;

  uint16_t port() const { return port_; }
  // "127.0.0.1:port"
  std::string endpoint() const;
  const std::string& folder() const { return folder_.path(); }
  pid_t pid() const { return pid_; }

  void Pause();   // SIGSTOP
  void Resume();  // SIGCONT
  void Kill();    // SIGKILL, and gone when this returns
  void Start();   // after Kill: on the same port, and empty

 private:
  std::vector<std::string> arguments_;
  std::string config_file_;
  TempDir folder_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace kindred::testing
