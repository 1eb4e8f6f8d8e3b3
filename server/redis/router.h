// Which node gets an operation, and what changes that: one kind each for a single server, Sentinel and a cluster.
// Belongs to the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "server/redis/client_options.h"
#include "server/redis/node.h"

namespace kindred::redis {

class Dispatcher;

// Where an operation goes.
struct Route {
  Node* node = nullptr;
  // Without a node: kNone, it waits for Dispatcher::RouteParked; else how it ends.
  Failure failure = Failure::kNone;
  std::string text{};
};

class Router {
 public:
  virtual ~Router() = default;

  virtual void Start() = 0;
  virtual Route Choose(const Operation& operation) = 0;
  // An error reply of `node`. With a node: `operation` goes there next; without: it ends with that reply.
  virtual Route AfterError(Node* node, Operation* operation, const Reply& reply) = 0;
  // See NodeHost::Failing: nodes may neither be added nor retired in here.
  virtual void Failing(Node* node) = 0;
};

std::unique_ptr<Router> MakeRouter(const ClientOptions& options, Dispatcher* dispatcher);

}  // namespace kindred::redis
