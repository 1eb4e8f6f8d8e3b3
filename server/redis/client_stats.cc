#include "server/redis/client_stats.h"

#include <algorithm>

namespace kindred::redis {
namespace {

template <size_t n>
std::array<uint64_t, n> ReadAll(const std::array<rpc::SingleWriterCounter, n>& counters) {
  std::array<uint64_t, n> values;
  for (size_t i = 0; i < n; ++i) values[i] = counters[i].value();
  return values;
}

NodeStats ReadNode(const NodeCounters& node) {
  NodeStats stats;
  stats.endpoint = node.endpoint;
  stats.sentinel = node.sentinel;
  stats.known = node.known.load(std::memory_order_relaxed);
  stats.breaker = node.breaker.load(std::memory_order_relaxed);
  stats.transitions = ReadAll(node.transitions);
  stats.connection_attempts = node.connection_attempts.value();
  stats.connection_failures = ReadAll(node.connection_failures);
  stats.connections_lost = node.connections_lost.value();
  stats.connections_late = node.connections_late.value();
  stats.protocol_errors = node.protocol_errors.value();
  stats.connections = node.connections.load(std::memory_order_relaxed);
  stats.in_flight = node.in_flight.load(std::memory_order_relaxed);
  stats.operations = ReadAll(node.operations);
  stats.latency = ReadAll(node.latency);
  for (const uint64_t count : stats.latency) stats.latency_count += count;
  stats.latency_seconds = static_cast<double>(node.latency_ns.value()) * 1e-9;
  stats.redirections = node.redirections.value();
  stats.retries = node.retries.value();
  stats.late_replies = node.late_replies.value();
  return stats;
}

}  // namespace

std::string_view BreakerStateName(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kHalfOpen:
      return "half_open";
    case BreakerState::kOpen:
      break;
  }
  return "open";
}

void NodeCounters::ObserveLatency(uint64_t elapsed_ns) {
  const double seconds = static_cast<double>(elapsed_ns) * 1e-9;
  const auto bucket = std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), seconds);
  latency[static_cast<size_t>(bucket - kLatencyBounds.begin())].Add(1);
  latency_ns.Add(elapsed_ns);
}

std::shared_ptr<NodeCounters> NodeRegistry::Add(std::string_view endpoint, bool sentinel) {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(endpoint);
  if (found != nodes_.end()) {
    found->second->known.store(true, std::memory_order_relaxed);
    return found->second;
  }
  return nodes_.emplace(endpoint, std::make_shared<NodeCounters>(endpoint, sentinel)).first->second;
}

std::vector<NodeStats> NodeRegistry::Read() const {
  const std::lock_guard lock(mutex_);
  std::vector<NodeStats> stats;
  stats.reserve(nodes_.size());
  for (const auto& [endpoint, node] : nodes_) stats.push_back(ReadNode(*node));
  return stats;
}

}  // namespace kindred::redis
