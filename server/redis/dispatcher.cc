#include "server/redis/dispatcher.h"

#include <algorithm>
#include <utility>

namespace kindred::redis {
namespace {

// More than a cluster has; a server that names ever new ones must not take the memory.
constexpr size_t kMostNodes = 1000;
constexpr std::chrono::milliseconds kFirstTryAgain{1}, kLastTryAgain{32};

Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

Dispatcher::Dispatcher(const ClientOptions& options, EventLoop* loop, TlsContext* tls, NodeRegistry* registry,
                       ClientCounters* counters, OnNewServer on_new_server)
    : options_(options),
      loop_(loop),
      tls_(tls),
      registry_(registry),
      counters_(counters),
      on_new_server_(std::move(on_new_server)),
      random_(options.seed != 0 ? options.seed : std::random_device()()),
      deadline_timer_(loop, [this] { RunDeadlines(); }),
      delayed_timer_(loop, [this] { RunDelayed(); }),
      router_(MakeRouter(options, this)) {
  LimitOutstanding();
}

Dispatcher::~Dispatcher() { Stop(); }

void Dispatcher::Start() { router_->Start(); }

void Dispatcher::LimitOutstanding() {
  const size_t per_node = static_cast<size_t>(options_.max_in_flight) * options_.connections_per_node;
  counters_->most_outstanding.store(per_node * std::max<size_t>(nodes_.size(), 1), std::memory_order_relaxed);
}

void Dispatcher::Submit(OperationPtr operation) {
  deadlines_.Add(operation.get());
  retry_budget_.Deposit();
  RouteOperation(std::move(operation));
}

void Dispatcher::RouteOperation(OperationPtr operation) {
  const Route route = router_->Choose(*operation);
  if (route.node != nullptr) return route.node->Submit(std::move(operation));
  operation->counters = nullptr;
  if (route.failure != Failure::kNone) return End(operation.get(), FailedReply(route.failure, route.text));
  if (parked_.size() >= options_.max_in_flight) {
    return End(operation.get(), FailedReply(Failure::kSaturated, "too many commands wait for the first node"));
  }
  parked_.push_back(std::move(operation));
}

void Dispatcher::RouteParked() {
  for (OperationPtr& operation : std::exchange(parked_, {})) {
    if (!operation->ended) RouteOperation(std::move(operation));
  }
}

void Dispatcher::End(Operation* operation, Reply reply) {
  if (operation->ended) return;
  operation->ended = true;
  deadlines_.Remove(operation);
  operation->wire.reset();
  if (!operation->internal) {
    const auto failure = static_cast<size_t>(reply.failure);
    if (operation->counters != nullptr) {
      operation->counters->operations[failure].Add(1);
    } else {
      counters_->unrouted[failure].fetch_add(1, std::memory_order_relaxed);
    }
    counters_->outstanding.fetch_sub(1, std::memory_order_relaxed);
  }
  // What `done` holds goes with it, however long the reply that is to be dropped takes.
  std::exchange(operation->done, nullptr)(std::move(reply));
}

void Dispatcher::Replied(Node* node, OperationPtr operation, Reply reply) {
  if (reply.ok() || operation->internal) return End(operation.get(), std::move(reply));
  if (reply.failure == Failure::kTryAgain) {
    const Time now = Now();
    const Time due = now + std::min(kFirstTryAgain * (1 << std::min(operation->try_agains++, 5U)), kLastTryAgain);
    if (due >= operation->deadline) return End(operation.get(), std::move(reply));
    node->counters()->retries.Add(1);
    operation->redirections = 0;
    return Delay(std::move(operation), now, due);
  }
  const Route route = router_->AfterError(node, operation.get(), reply);
  if (route.node == nullptr) return End(operation.get(), std::move(reply));
  node->counters()->redirections.Add(1);
  route.node->Submit(std::move(operation));
}

void Dispatcher::Repeat(OperationPtr operation) { repeats_.push_back(std::move(operation)); }

void Dispatcher::Delay(OperationPtr operation, Time now, Time due) {
  operation->node = nullptr;
  delayed_.emplace(due, std::move(operation));
  delayed_timer_.SetIfEarlier(now, due);
}

void Dispatcher::RunDelayed() {
  loop_->Awake();
  const Time now = Now();
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    OperationPtr operation = std::move(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
    if (!operation->ended) RouteOperation(std::move(operation));
  }
  if (!delayed_.empty()) delayed_timer_.SetIfEarlier(now, delayed_.begin()->first);
}

void Dispatcher::RunDeadlines() {
  loop_->Awake();
  const Time now = Now();
  while (!deadlines_.empty() && deadlines_.first()->deadline <= now) {
    Operation* const operation = deadlines_.first();
    // Before End, whose `done` may retire the node and all that it holds.
    if (operation->node != nullptr) operation->node->TimedOut(*operation, now);
    End(operation, FailedReply(Failure::kTimeout, "no reply within the command's deadline"));
  }
  while (!parked_.empty() && parked_.front()->ended) parked_.pop_front();
}

void Dispatcher::EndTurn() {
  while (!repeats_.empty()) {
    for (OperationPtr& operation : std::exchange(repeats_, {})) {
      if (!operation->ended) RouteOperation(std::move(operation));
    }
  }
  for (Connection* const connection : unflushed_) connection->Flush();
  unflushed_.clear();
  if (!deadlines_.empty()) deadline_timer_.SetIfEarlier(Now(), deadlines_.first()->deadline);
  loop_->DestroyBuried();
}

void Dispatcher::NeedsFlush(Connection* connection) {
  if (!connection->unsent()) unflushed_.push_back(connection);
}

void Dispatcher::Forget(Connection* connection) { std::erase(unflushed_, connection); }

void Dispatcher::NewServer(Node* node) { on_new_server_(node->name(), node->run_id()); }

void Dispatcher::AnnounceAll() {
  for (const auto& [name, node] : nodes_) {
    if (node->announced()) NewServer(node.get());
  }
}

Node* Dispatcher::FindNode(std::string_view name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : found->second.get();
}

Node* Dispatcher::AddNode(const Endpoint& endpoint, NodeRole role) {
  const std::string name = endpoint.ToString();
  if (Node* const found = FindNode(name)) return found;
  if (nodes_.size() >= kMostNodes) return nullptr;
  auto node =
      std::make_unique<Node>(this, endpoint, role, registry_->Add(name, role == NodeRole::kSentinel), random_());
  Node* const added = node.get();
  nodes_.emplace(name, std::move(node));
  LimitOutstanding();
  added->Start();
  return added;
}

void Dispatcher::RetireNode(Node* node) {
  const auto found = nodes_.find(node->name());
  std::vector<OperationPtr> left = node->Retire();
  loop_->Bury(std::move(found->second));
  nodes_.erase(found);
  LimitOutstanding();
  for (OperationPtr& operation : left) {
    if (operation->internal || !operation->repeatable || operation->repeated || stopping_) {
      End(operation.get(), FailedReply(Failure::kConnection, "the node is not used any more"));
      continue;
    }
    operation->repeated = true;
    Repeat(std::move(operation));
  }
}

void Dispatcher::Ask(Node* node, const std::vector<std::string_view>& arguments, Client::Done done) {
  const Time now = Now();
  OperationPtr operation = MakeInternal(arguments, now, now + options_.connect_timeout, std::move(done));
  deadlines_.Add(operation.get());
  node->Submit(std::move(operation));
}

void Dispatcher::Stop() {
  if (stopping_) return;
  stopping_ = true;
  const Reply why = FailedReply(Failure::kConnection, "the client is shutting down");
  while (!nodes_.empty()) RetireNode(nodes_.begin()->second.get());
  for (const OperationPtr& operation : std::exchange(parked_, {})) End(operation.get(), why);
  for (const auto& [due, operation] : std::exchange(delayed_, {})) End(operation.get(), why);
  for (const OperationPtr& operation : std::exchange(repeats_, {})) End(operation.get(), why);
  loop_->DestroyBuried();
}

}  // namespace kindred::redis
