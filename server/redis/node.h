// One Redis server or Sentinel: its connections, its breaker, and what waits for a connection. Belongs to the loop's
// thread.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/redis/attempt_limiter.h"
#include "server/redis/circuit_breaker.h"
#include "server/redis/client_options.h"
#include "server/redis/client_stats.h"
#include "server/redis/connection.h"
#include "server/redis/endpoint.h"
#include "server/redis/handshake.h"
#include "server/redis/node_log.h"

namespace kindred::redis {

enum class NodeRole : uint8_t {
  kData,
  kMaster,  // must say so when it is asked for its ROLE
  kSentinel,
};

// What a node needs of the rest of the client.
class NodeHost {
 public:
  virtual ~NodeHost() = default;
  virtual const ClientOptions& options() const = 0;
  virtual EventLoop* loop() = 0;
  virtual TlsContext* tls() = 0;  // null: plain TCP
  // An error reply or a value, also of operations that are to be redirected.
  virtual void Replied(Node* node, OperationPtr operation, Reply reply) = 0;
  virtual void End(Operation* operation, Reply reply) = 0;
  // Ends it at its deadline, unless it has ended by then.
  virtual void Watch(Operation* operation) = 0;
  // A connection was lost; the operation may be sent again.
  virtual void Repeat(OperationPtr operation) = 0;
  virtual bool MayRepeat() = 0;
  // `connection` is flushed at the end of the turn. Called before something is sent on it.
  virtual void NeedsFlush(Connection* connection) = 0;
  // `connection` will never flush.
  virtual void Forget(Connection* connection) = 0;
  // Its breaker opened, or a connection to it could not be made. Nodes may not be added or retired in here.
  virtual void Failing(Node* node) = 0;
  // A connection to a node whose run_id is not the one that was known.
  virtual void NewServer(Node* node) = 0;
};

class Node final : public Connection::Owner {
 public:
  Node(NodeHost* host, Endpoint endpoint, NodeRole role, std::shared_ptr<NodeCounters> counters, uint64_t seed);
  ~Node() override;

  const Endpoint& endpoint() const { return endpoint_; }
  const std::string& name() const { return counters_->endpoint; }
  NodeCounters* counters() { return counters_.get(); }
  // Of the last connection; empty: not known.
  const std::string& run_id() const { return run_id_; }
  // Whether NewServer was called for it.
  bool announced() const { return announced_; }
  bool closed() const { return breaker_.closed(); }  // its breaker: it is asked
  bool ready() const { return breaker_.closed() && !ready_.empty(); }

  // Begins to connect.
  void Start() { Maintain(); }
  // Sends it, now or when a connection is there, or ends it.
  void Submit(OperationPtr operation);
  // `operation`, which is here, has reached its deadline and ended.
  void TimedOut(const Operation& operation, Time now);
  // Closes everything. Returns what had not ended.
  std::vector<OperationPtr> Retire();

 private:
  void OnConnected(Connection* connection) override;
  void OnReply(Connection* connection, OperationPtr operation, Reply reply) override;
  void OnLateReply(Connection* connection) override;
  void OnClosed(Connection* connection, Connection::End end) override;

  // Does what is due: a probe, a connection; or sets the timer for it.
  void Maintain();
  void StartAttempt(Time now);
  void AttemptFailed(const Reply& why);
  void AttemptDone();
  void Probe(Time now);
  void ProbeEnded(const Reply& reply);
  void Send(Connection* connection, OperationPtr operation);
  void SendWaiting();
  void FailWaiting(const Reply& why);
  void RepeatOrEnd(OperationPtr operation, const Reply& why);
  // The one with the fewest commands in flight; null without any.
  Connection* LeastLoaded() const;
  // Publishes the breaker's state, and logs what is new about it.
  void PublishBreaker(std::string_view reason);
  void PublishConnections();
  void CountInFlight(int change);

  NodeHost* const host_;
  const Endpoint endpoint_;
  const NodeRole role_;
  const std::shared_ptr<NodeCounters> counters_;
  CircuitBreaker breaker_;
  AttemptLimiter limiter_;
  NodeLog log_;
  Timer maintenance_;
  Timer attempt_timeout_;
  std::unique_ptr<Connection> attempt_;  // connecting or in its handshake; one at a time
  std::unique_ptr<Handshake> handshake_;
  std::vector<std::unique_ptr<Connection>> ready_;
  std::deque<OperationPtr> waiting_;  // for the first connection
  std::string run_id_;
  std::string last_problem_;
  bool announced_ = false;
  bool unresponsive_ = false;  // a connection was closed for lateness, and none made since
  bool retired_ = false;
};

}  // namespace kindred::redis
