// The masters of a cluster by slot. The map is asked for at the start, when a node redirects or fails, and as long as
// one of them fails: at most once a second when it comes. Belongs to the loop's thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/redis/cluster_slots.h"
#include "server/redis/event_loop.h"
#include "server/redis/key_slot.h"
#include "server/redis/router.h"

namespace kindred::redis {

class ClusterRouter final : public Router {
 public:
  // Redirections that one command follows.
  static constexpr uint8_t kMostRedirections = 2;

  ClusterRouter(const ClientOptions& options, Dispatcher* dispatcher);

  void Start() override { Refresh(); }
  Route Choose(const Operation& operation) override;
  Route AfterError(Node* node, Operation* operation, const Reply& reply) override;
  void Failing(Node* node) override { Want(); }

 private:
  // Asks for the map as soon as that may be.
  void Want();
  void Refresh();
  // A node that is likely to answer; seeds in turn when none is.
  Node* Advisor();
  void Answered(const Endpoint& asked, const Reply& reply);
  void Failed(std::string_view problem);
  void Apply(const std::vector<SlotRange>& ranges, const Endpoint& asked);

  const ClientOptions& options_;
  Dispatcher* const dispatcher_;
  std::vector<Node*> owners_;   // [kSlots]; null: nobody
  std::vector<Node*> masters_;  // each owner once
  size_t next_master_ = 0;
  size_t next_seed_ = 0;
  bool known_ = false;  // the map has come once
  bool asking_ = false;
  size_t failed_ = 0;  // questions in a row
  Time may_ask_;
  std::string problem_;
  Timer timer_;
  NodeLog log_;
};

}  // namespace kindred::redis
