// Everything that the loop's thread does: it routes operations to nodes, ends each at its deadline at the latest, and
// keeps the nodes. Not thread-safe, but for ClientCounters.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "server/redis/client_options.h"
#include "server/redis/client_stats.h"
#include "server/redis/deadline_queue.h"
#include "server/redis/event_loop.h"
#include "server/redis/node.h"
#include "server/redis/retry_budget.h"
#include "server/redis/router.h"
#include "server/redis/tls_context.h"

namespace kindred::redis {

// Shared with the threads that execute and those that read figures.
struct ClientCounters {
  std::atomic<size_t> outstanding{0};  // commands that have not ended
  std::atomic<size_t> most_outstanding{0};
  std::array<std::atomic<uint64_t>, kFailures> unrouted{};
  std::atomic<uint64_t> topology_refreshes{0};
  std::atomic<uint64_t> new_servers{0};
};

class Dispatcher final : public NodeHost {
 public:
  using OnNewServer = std::function<void(std::string_view node, std::string_view run_id)>;

  // All must outlive it. `tls`: null for plain TCP.
  Dispatcher(const ClientOptions& options, EventLoop* loop, TlsContext* tls, NodeRegistry* registry,
             ClientCounters* counters, OnNewServer on_new_server);
  ~Dispatcher() override;

  void Start();
  void Submit(OperationPtr operation);
  // Calls on_new_server for all nodes that are known.
  void AnnounceAll();
  // Sends what this turn has brought, and sets the timer of the next deadline. At the end of every turn.
  void EndTurn();
  // Ends everything with kConnection. Nothing may be submitted any more.
  void Stop();

  // For routers.
  Node* FindNode(std::string_view name) const;
  // The node of that name, made when there is none; null when there are too many.
  Node* AddNode(const Endpoint& endpoint, NodeRole role);
  // What it had in flight is sent elsewhere where that is allowed, and ends otherwise.
  void RetireNode(Node* node);
  const std::map<std::string, std::unique_ptr<Node>, std::less<>>& nodes() const { return nodes_; }
  // A question of the client's own.
  void Ask(Node* node, const std::vector<std::string_view>& arguments, Client::Done done);
  // Routes again what Choose had wait.
  void RouteParked();
  void CountRefresh() { counters_->topology_refreshes.fetch_add(1, std::memory_order_relaxed); }
  std::mt19937_64& random() { return random_; }
  bool stopping() const { return stopping_; }

  const ClientOptions& options() const override { return options_; }
  EventLoop* loop() override { return loop_; }
  TlsContext* tls() override { return tls_; }
  void Replied(Node* node, OperationPtr operation, Reply reply) override;
  void End(Operation* operation, Reply reply) override;
  void Watch(Operation* operation) override { deadlines_.Add(operation); }
  void Repeat(OperationPtr operation) override;
  bool MayRepeat() override { return !stopping_ && retry_budget_.Withdraw(); }
  void NeedsFlush(Connection* connection) override;
  void Forget(Connection* connection) override;
  void Failing(Node* node) override { router_->Failing(node); }
  void NewServer(Node* node) override;

 private:
  void RouteOperation(OperationPtr operation);
  void RunDeadlines();
  void RunDelayed();
  void Delay(OperationPtr operation, Time now, Time due);
  void LimitOutstanding();

  const ClientOptions& options_;
  EventLoop* const loop_;
  TlsContext* const tls_;
  NodeRegistry* const registry_;
  ClientCounters* const counters_;
  const OnNewServer on_new_server_;
  std::mt19937_64 random_;
  RetryBudget retry_budget_;
  DeadlineQueue deadlines_;
  Timer deadline_timer_;
  Timer delayed_timer_;
  std::multimap<Time, OperationPtr> delayed_;  // by when they are routed again
  std::deque<OperationPtr> parked_;            // until the router knows where to
  std::vector<OperationPtr> repeats_;          // routed at the end of the turn
  std::vector<Connection*> unflushed_;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> nodes_;
  std::unique_ptr<Router> router_;
  bool stopping_ = false;
};

}  // namespace kindred::redis
