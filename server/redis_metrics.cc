#include "server/redis_metrics.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "server/redis/failure.h"
#include "server/status_page.h"

namespace kindred {
namespace {

using redis::BreakerState;
using redis::ClientStats;
using redis::Failure;
using redis::NodeStats;

// Stands where a command ended before a node was chosen for it.
constexpr const char* kNoNode = "none";

constexpr std::array<BreakerState, redis::kBreakerStates> kStates = {BreakerState::kClosed, BreakerState::kHalfOpen,
                                                                     BreakerState::kOpen};

void AddOperations(const std::string& node, const std::array<uint64_t, redis::kFailures>& operations,
                   MetricFamilyBuilder* family) {
  for (size_t i = 0; i < operations.size(); ++i) {
    // ok is there from the start, so that a rate over it is never absent; the others once they occur.
    if (operations[i] == 0 && (i != 0 || node == kNoNode)) continue;
    family->Add({{"node", node}, {"result", std::string(redis::FailureName(static_cast<Failure>(i)))}},
                static_cast<double>(operations[i]));
  }
}

void CollectGauges(const ClientStats& stats, MetricFamilies* out) {
  auto breaker = Gauge(out, "kindred_redis_breaker_state", "Of the node's breaker: 0 closed, 1 half-open, 2 open.");
  for (const NodeStats& node : stats.nodes) {
    if (node.known) breaker.Add({{"node", node.endpoint}}, static_cast<double>(node.breaker));
  }
  auto connections = Gauge(out, "kindred_redis_connections", "Connections that take commands.");
  for (const NodeStats& node : stats.nodes) {
    if (node.known) connections.Add({{"node", node.endpoint}}, node.connections);
  }
  auto in_flight = Gauge(out, "kindred_redis_in_flight", "Commands sent and not replied to.");
  for (const NodeStats& node : stats.nodes) {
    if (node.known) in_flight.Add({{"node", node.endpoint}}, node.in_flight);
  }
}

void CollectCounters(const ClientStats& stats, MetricFamilies* out) {
  auto transitions = Counter(out, "kindred_redis_breaker_transitions_total",
                             "Changes of the node's breaker, by the state it went to.");
  for (const NodeStats& node : stats.nodes) {
    for (BreakerState state : kStates) {
      transitions.Add({{"node", node.endpoint}, {"to", std::string(redis::BreakerStateName(state))}},
                      static_cast<double>(node.transitions[static_cast<size_t>(state)]));
    }
  }
  const std::pair<std::pair<const char*, const char*>, uint64_t NodeStats::*> counters[] = {
      {{"kindred_redis_connection_attempts_total", "Connections begun."}, &NodeStats::connection_attempts},
      {{"kindred_redis_connections_lost_total", "Connections that were good and were closed, by whomever."},
       &NodeStats::connections_lost},
      {{"kindred_redis_redirections_total", "MOVED and ASK that were followed."}, &NodeStats::redirections},
      {{"kindred_redis_retries_total", "Commands that were sent again."}, &NodeStats::retries},
      {{"kindred_redis_late_replies_total", "Replies to commands that had timed out."}, &NodeStats::late_replies}};
  for (const auto& [name, member] : counters) {
    auto family = Counter(out, name.first, name.second);
    for (const NodeStats& node : stats.nodes) {
      family.Add({{"node", node.endpoint}}, static_cast<double>(node.*member));
    }
  }
  auto failures =
      Counter(out, "kindred_redis_connection_failures_total", "Connections begun that came to nothing, by why.");
  for (const NodeStats& node : stats.nodes) {
    for (size_t i = 0; i < node.connection_failures.size(); ++i) {
      // `connection` is there from the start, as ok is of operations.
      if (node.connection_failures[i] == 0 && static_cast<Failure>(i) != Failure::kConnection) continue;
      failures.Add({{"node", node.endpoint}, {"reason", std::string(redis::FailureName(static_cast<Failure>(i)))}},
                   static_cast<double>(node.connection_failures[i]));
    }
  }
  auto operations = Counter(out, "kindred_redis_ops_total", "Commands, by the node and by how they ended.");
  for (const NodeStats& node : stats.nodes) AddOperations(node.endpoint, node.operations, &operations);
  AddOperations(kNoNode, stats.unrouted, &operations);
  auto seconds = Histogram(out, "kindred_redis_op_seconds", "From sending a command to its reply.");
  for (const NodeStats& node : stats.nodes) {
    seconds.AddHistogram({{"node", node.endpoint}}, redis::kLatencyBounds, node.latency, node.latency_seconds);
  }
}

}  // namespace

void CollectRedis(const ClientStats& stats, MetricFamilies* out) {
  MetricFamilies families;
  CollectGauges(stats, &families);
  CollectCounters(stats, &families);
  // While no node is known yet some have nothing to say.
  for (prometheus::MetricFamily& family : families) {
    if (!family.metric.empty()) out->push_back(std::move(family));
  }
  Counter(out, "kindred_redis_topology_refreshes_total", "Answers of the cluster or Sentinel to which node has what.")
      .Add({}, static_cast<double>(stats.topology_refreshes));
  Counter(out, "kindred_redis_new_servers_total", "Servers met that may lack what was written: restarts, new masters.")
      .Add({}, static_cast<double>(stats.new_servers));
}

void CollectRedisStore(const RedisStoreFigures& figures, MetricFamilies* out) {
  const auto value = [](uint64_t count) { return static_cast<double>(count); };
  Counter(out, "kindred_profile_sources_total", "Reads of profiles kept in Redis, by what answered them.")
      .Add({{"source", "overlay"}}, value(figures.overlay))
      .Add({{"source", "near_cache"}}, value(figures.near_cache))
      .Add({{"source", "negative_cache"}}, value(figures.negative_cache))
      .Add({{"source", "redis"}}, value(figures.redis))
      .Add({{"source", "journal"}}, value(figures.journal))
      .Add({{"source", "none"}}, value(figures.none))
      .Add({{"source", "degraded"}}, value(figures.degraded));
  Counter(out, "kindred_answer_cache_lookups_total", "Look-ups of whole answers in Redis.")
      .Add({{"result", "hit"}}, value(figures.answer_hits))
      .Add({{"result", "miss"}}, value(figures.answer_misses))
      .Add({{"result", "error"}}, value(figures.answer_errors));
  auto corrupt =
      Counter(out, "kindred_profile_corrupt_total", "Values in Redis that are no profiles, by what is wrong.");
  for (size_t i = 0; i < figures.corrupt.size(); ++i) {
    corrupt.Add({{"reason", std::string(RedisStoreFigures::kReasons[i])}}, value(figures.corrupt[i]));
  }
  const auto counter = [&](const char* name, const char* help, uint64_t count) {
    Counter(out, name, help).Add({}, value(count));
  };
  counter("kindred_profile_repairs_total", "Values that were no profiles, replaced or deleted.", figures.repairs);
  counter("kindred_profile_single_flight_joins_total", "Reads that waited for another's read of the user.",
          figures.joins);
  counter("kindred_profile_applied_total", "Profiles that Redis took.", figures.applied);
  counter("kindred_profile_apply_failures_total", "Writes to Redis that failed, and are tried again.",
          figures.apply_failures);
  counter("kindred_profile_conflicts_total", "Writes that met and merged what another server wrote.",
          figures.conflicts);
  counter("kindred_profile_replays_total", "Profiles written again because Redis may have lost them.", figures.replays);
  const auto gauge = [&](const char* name, const char* help, double now) { Gauge(out, name, help).Add({}, now); };
  gauge("kindred_profile_backlog", "Profiles that Redis does not have yet.", value(figures.backlog));
  gauge("kindred_profile_backlog_limit", "Beyond so many updates are refused.", value(figures.backlog_limit));
  gauge("kindred_profile_backlog_oldest_seconds", "How long the oldest of the backlog waits; 0 when none does.",
        figures.backlog_oldest_seconds);
  gauge("kindred_profile_near_cache_entries", "Users in the near cache.", value(figures.near_entries));
  gauge("kindred_profile_near_cache_bytes", "Memory of the near cache.", value(figures.near_bytes));
}

void AppendRedis(const RedisSnapshot& snapshot, std::string* html) {
  const RedisStoreFigures& store = snapshot.store;
  StrAppend(
      html, "<h2>Redis</h2>\n<table>\n<tr><td>Backlog</td><td>",
      absl::StrFormat("%d of at most %d profiles wait for Redis", store.backlog, store.backlog_limit),
      store.backlog == 0 ? "" : absl::StrFormat(", the oldest for %.1f s", store.backlog_oldest_seconds),
      "</td></tr>\n<tr><td>Written</td><td>",
      absl::StrFormat("%d profiles, %d merged with others&#39;, %d failed and tried again, %d written again",
                      store.applied, store.conflicts, store.apply_failures, store.replays),
      "</td></tr>\n<tr><td>Near cache</td><td>",
      absl::StrFormat("%d users, %.1f MiB", store.near_entries, static_cast<double>(store.near_bytes) / (1 << 20)),
      "</td></tr>\n</table>\n");
  StrAppend(html,
            "<table><tr><th>Node</th><th>Breaker</th><th class=n>Connections</th><th class=n>In flight</th>"
            "<th class=n>OK</th><th class=n>Not OK</th></tr>\n");
  for (const NodeStats& node : snapshot.client.nodes) {
    uint64_t failed = 0;
    for (size_t i = 1; i < node.operations.size(); ++i) failed += node.operations[i];
    absl::StrAppendFormat(html,
                          "<tr><td>%s%s%s</td><td>%s</td><td class=n>%d</td><td class=n>%d</td><td class=n>%d</td>"
                          "<td class=n>%d</td></tr>\n",
                          EscapeHtml(node.endpoint), node.sentinel ? " (Sentinel)" : "", node.known ? "" : " (gone)",
                          redis::BreakerStateName(node.breaker), node.connections, node.in_flight, node.operations[0],
                          failed);
  }
  StrAppend(html, "</table>\n");
}

}  // namespace kindred
