// Commands to Redis, whatever stands behind it: one server, a master that Sentinel names, or a cluster. Never blocks
// the caller. An interface, so that what uses Redis can be tested without one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::redis {

// What went wrong, each under its own name in metrics.
enum class Failure : uint8_t {
  kNone,
  kTimeout,       // no reply within the time that the command had
  kConnection,    // refused, reset or closed, also in the middle of a reply
  kBreakerOpen,   // not sent: the node's breaker is open
  kSaturated,     // not sent: too many commands are in flight
  kProtocol,      // a reply that is malformed, hostile or larger than the limits
  kOutOfMemory,   // -OOM
  kLoading,       // -LOADING
  kReadOnly,      // -READONLY
  kNoAuth,        // -NOAUTH, -WRONGPASS
  kNoPermission,  // -NOPERM
  kMoved,         // -MOVED, after as many redirections as a command may follow
  kAsk,           // -ASK, the same
  kTryAgain,      // -TRYAGAIN
  kClusterDown,   // -CLUSTERDOWN
  kMasterDown,    // -MASTERDOWN
  kNoScript,      // -NOSCRIPT
  kBusy,          // -BUSY: a script runs
  kOther,         // any other error reply
};

struct Reply {
  enum class Type : uint8_t { kNil, kString, kStatus, kInteger, kArray };

  Failure failure = Failure::kNone;
  Type type = Type::kNil;
  int64_t integer = 0;
  std::string text;  // of a string or a status; of a failure what is known of it
  std::vector<Reply> elements;

  bool ok() const { return failure == Failure::kNone; }
};

struct Command {
  // What decides the node in a cluster; empty: any.
  std::string key;
  // The whole command: name and arguments, the key among them. Any bytes.
  std::vector<std::string> arguments;
  // May be sent once more after a connection was lost; reads may.
  bool repeatable = false;
};

class Client {
 public:
  using Done = std::function<void(Reply)>;

  virtual ~Client() = default;

  // Sends `command`; `done` is called exactly once, on the client's own thread or before this returns, at `deadline` at
  // the latest. It must not block. Thread-safe.
  virtual void Execute(Command command, std::chrono::steady_clock::time_point deadline, Done done) = 0;
};

}  // namespace kindred::redis
