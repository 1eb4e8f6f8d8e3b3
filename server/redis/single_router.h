// One server. Of several endpoints the first that answers, and that one until it fails. Belongs to the loop's thread.
#pragma once

#include <vector>

#include "server/redis/router.h"

namespace kindred::redis {

class SingleRouter final : public Router {
 public:
  SingleRouter(const ClientOptions& options, Dispatcher* dispatcher) : options_(options), dispatcher_(dispatcher) {}

  void Start() override;
  Route Choose(const Operation& operation) override;
  Route AfterError(Node*, Operation*, const Reply&) override { return {}; }
  void Failing(Node*) override {}

 private:
  const ClientOptions& options_;
  Dispatcher* const dispatcher_;
  std::vector<Node*> nodes_;
  size_t current_ = 0;
};

}  // namespace kindred::redis
