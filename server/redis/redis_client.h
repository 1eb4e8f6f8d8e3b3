// The client of a Redis server, of a master that Sentinel names, or of a cluster. One thread owns an event loop and all
// connections; Execute posts to it without a lock. What is posted while the loop is busy leaves in one write a
// connection. Thread-safe.
//
// A command ends with exactly one reply, at its deadline at the latest (give or take what the system's timers are off),
// and its reply is never another command's: replies are matched in order, those of commands that timed out are dropped,
// and a connection whose replies are more than 50 ms late is closed. When a node fails, its breaker answers at once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/redis/client.h"
#include "server/redis/client_options.h"
#include "server/redis/client_stats.h"

namespace kindred::redis {

class RedisClient final : public Client {
 public:
  // `node`: "host:port"; `run_id`: that of INFO server, another after each start of Redis.
  using OnNewServer = std::function<void(std::string_view node, std::string_view run_id)>;

  // Checks the options (endpoints, files of TLS and of the password) and starts the thread; does not wait for Redis.
  static absl::StatusOr<std::unique_ptr<RedisClient>> Create(ClientOptions options);

  // Ends every command, those under way with kConnection, and joins the thread. REQUIRES: nobody calls any more.
  ~RedisClient() override;

  void Execute(Command command, std::chrono::steady_clock::time_point deadline, Done done) override;

  // `callback` is called when data nodes may not have what this client sent before: on the first connection to a node;
  // when its run_id is not the one known before; when another master is named; when slots moved to it. On the client's
  // thread, before any command goes to that connection (of moved slots: about then). It must not block, nor set another
  // callback; it may Execute. Also called for the nodes that are known by now. Null: none; after the return the one
  // before is not called any more.
  void set_on_new_server(OnNewServer callback);

  // Any thread. Locks nothing that commands need.
  ClientStats stats() const;

 private:
  class Impl;
  explicit RedisClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::redis
