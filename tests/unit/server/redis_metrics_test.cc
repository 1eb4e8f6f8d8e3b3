#include "server/redis_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "server/redis/failure.h"

namespace kindred {
namespace {

using redis::BreakerState;
using redis::ClientStats;
using redis::Failure;
using redis::NodeStats;
using ::testing::HasSubstr;
using ::testing::Not;

size_t At(Failure failure) { return static_cast<size_t>(failure); }

NodeStats Node(const std::string& endpoint) {
  NodeStats node;
  node.endpoint = endpoint;
  return node;
}

std::string Text(const ClientStats& stats) {
  MetricFamilies families;
  CollectRedis(stats, &families);
  return prometheus::TextSerializer().Serialize(families);
}

TEST(RedisMetrics, SaysHowEachNodeIs) {
  ClientStats stats;
  stats.nodes = {Node("a:1"), Node("b:2")};
  NodeStats& node = stats.nodes[0];
  node.breaker = BreakerState::kOpen;
  node.transitions = {1, 2, 3};
  node.connections = 2;
  node.in_flight = 7;
  node.connection_attempts = 9;
  node.connection_failures[static_cast<size_t>(redis::Failure::kNoAuth)] = 8;
  node.connections_lost = 6;
  node.redirections = 5;
  node.retries = 4;
  node.late_replies = 3;
  node.operations[At(Failure::kNone)] = 100;
  node.operations[At(Failure::kTimeout)] = 11;
  node.operations[At(Failure::kBreakerOpen)] = 12;
  node.latency[0] = 60;
  node.latency[13] = 39;
  node.latency[14] = 1;
  node.latency_seconds = 2.5;
  stats.unrouted[At(Failure::kSaturated)] = 13;
  stats.topology_refreshes = 14;
  stats.new_servers = 15;
  const std::string text = Text(stats);
  for (const char* line : {"kindred_redis_breaker_state{node=\"a:1\"} 2\n",
                           "kindred_redis_breaker_state{node=\"b:2\"} 0\n",
                           "kindred_redis_breaker_transitions_total{node=\"a:1\",to=\"closed\"} 1\n",
                           "kindred_redis_breaker_transitions_total{node=\"a:1\",to=\"half_open\"} 2\n",
                           "kindred_redis_breaker_transitions_total{node=\"a:1\",to=\"open\"} 3\n",
                           "kindred_redis_connections{node=\"a:1\"} 2\n",
                           "kindred_redis_in_flight{node=\"a:1\"} 7\n",
                           "kindred_redis_connection_attempts_total{node=\"a:1\"} 9\n",
                           "kindred_redis_connection_failures_total{node=\"a:1\",reason=\"connection\"} 0\n",
                           "kindred_redis_connection_failures_total{node=\"a:1\",reason=\"no_auth\"} 8\n",
                           "kindred_redis_connections_lost_total{node=\"a:1\"} 6\n",
                           "kindred_redis_redirections_total{node=\"a:1\"} 5\n",
                           "kindred_redis_retries_total{node=\"a:1\"} 4\n",
                           "kindred_redis_late_replies_total{node=\"a:1\"} 3\n",
                           "kindred_redis_ops_total{node=\"a:1\",result=\"ok\"} 100\n",
                           "kindred_redis_ops_total{node=\"a:1\",result=\"timeout\"} 11\n",
                           "kindred_redis_ops_total{node=\"a:1\",result=\"breaker_open\"} 12\n",
                           "kindred_redis_ops_total{node=\"b:2\",result=\"ok\"} 0\n",
                           "kindred_redis_ops_total{node=\"none\",result=\"saturated\"} 13\n",
                           "kindred_redis_op_seconds_bucket{node=\"a:1\",le=\"5e-05\"} 60\n",
                           "kindred_redis_op_seconds_bucket{node=\"a:1\",le=\"1\"} 99\n",
                           "kindred_redis_op_seconds_bucket{node=\"a:1\",le=\"+Inf\"} 100\n",
                           "kindred_redis_op_seconds_sum{node=\"a:1\"} 2.5\n",
                           "kindred_redis_topology_refreshes_total 14\n",
                           "kindred_redis_new_servers_total 15\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  // What did not happen has no sample of its own.
  EXPECT_THAT(text, Not(HasSubstr("result=\"loading\"")));
  EXPECT_THAT(text, Not(HasSubstr("node=\"none\",result=\"ok\"")));
}

TEST(RedisMetrics, ANodeThatIsGoneKeepsItsCountersOnly) {
  ClientStats stats;
  stats.nodes = {Node("gone:1")};
  stats.nodes[0].known = false;
  stats.nodes[0].breaker = BreakerState::kOpen;
  const std::string text = Text(stats);
  EXPECT_THAT(text, Not(HasSubstr("kindred_redis_breaker_state")));
  EXPECT_THAT(text, Not(HasSubstr("kindred_redis_connections{")));
  EXPECT_THAT(text, HasSubstr("kindred_redis_ops_total{node=\"gone:1\",result=\"ok\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("kindred_redis_connection_attempts_total{node=\"gone:1\"} 0\n"));
}

TEST(RedisMetrics, WithoutNodesThereIsLittleToSay) {
  const std::string text = Text({});
  EXPECT_THAT(text, HasSubstr("kindred_redis_new_servers_total 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("kindred_redis_ops_total")));
}

// The names that docs/operations.md lists, each its own.
TEST(RedisMetrics, EveryFailureHasAResult) {
  ClientStats stats;
  stats.nodes = {Node("a:1")};
  stats.nodes[0].operations.fill(1);
  const std::string text = Text(stats);
  for (const char* result : {"ok", "timeout", "connection", "breaker_open", "saturated", "protocol", "out_of_memory",
                             "loading", "read_only", "no_auth", "no_permission", "moved", "ask", "try_again",
                             "cluster_down", "master_down", "no_script", "busy", "other"}) {
    EXPECT_THAT(text, HasSubstr(std::string("kindred_redis_ops_total{node=\"a:1\",result=\"") + result + "\"} 1\n"));
  }
}

TEST(RedisMetrics, SaysWhatTheStoreDoes) {
  RedisStoreFigures figures;
  figures.overlay = 1;
  figures.near_cache = 2;
  figures.negative_cache = 3;
  figures.redis = 4;
  figures.journal = 5;
  figures.none = 6;
  figures.degraded = 22;
  figures.joins = 7;
  figures.corrupt = {8, 9, 10, 11};
  figures.repairs = 12;
  figures.applied = 13;
  figures.apply_failures = 14;
  figures.conflicts = 15;
  figures.replays = 16;
  figures.backlog = 17;
  figures.backlog_limit = 18;
  figures.backlog_oldest_seconds = 19.5;
  figures.near_entries = 20;
  figures.near_bytes = 21;
  figures.answer_hits = 23;
  figures.answer_misses = 24;
  figures.answer_errors = 25;
  MetricFamilies families;
  CollectRedisStore(figures, &families);
  const std::string text = prometheus::TextSerializer().Serialize(families);
  for (const char* line : {"kindred_profile_sources_total{source=\"overlay\"} 1\n",
                           "kindred_profile_sources_total{source=\"near_cache\"} 2\n",
                           "kindred_profile_sources_total{source=\"negative_cache\"} 3\n",
                           "kindred_profile_sources_total{source=\"redis\"} 4\n",
                           "kindred_profile_sources_total{source=\"journal\"} 5\n",
                           "kindred_profile_sources_total{source=\"none\"} 6\n",
                           "kindred_profile_sources_total{source=\"degraded\"} 22\n",
                           "kindred_profile_single_flight_joins_total 7\n",
                           "kindred_profile_corrupt_total{reason=\"magic\"} 8\n",
                           "kindred_profile_corrupt_total{reason=\"checksum\"} 9\n",
                           "kindred_profile_corrupt_total{reason=\"crossed\"} 10\n",
                           "kindred_profile_corrupt_total{reason=\"too_large\"} 11\n",
                           "kindred_profile_repairs_total 12\n",
                           "kindred_profile_applied_total 13\n",
                           "kindred_profile_apply_failures_total 14\n",
                           "kindred_profile_conflicts_total 15\n",
                           "kindred_profile_replays_total 16\n",
                           "kindred_profile_backlog 17\n",
                           "kindred_profile_backlog_limit 18\n",
                           "kindred_profile_backlog_oldest_seconds 19.5\n",
                           "kindred_profile_near_cache_entries 20\n",
                           "kindred_profile_near_cache_bytes 21\n",
                           "kindred_answer_cache_lookups_total{result=\"hit\"} 23\n",
                           "kindred_answer_cache_lookups_total{result=\"miss\"} 24\n",
                           "kindred_answer_cache_lookups_total{result=\"error\"} 25\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(RedisMetrics, AreASectionOfTheStatusPage) {
  RedisSnapshot snapshot;
  snapshot.client.nodes = {Node("a:1"), Node("<b>:2")};
  NodeStats* nodes = snapshot.client.nodes.data();
  nodes[0].breaker = BreakerState::kHalfOpen;
  nodes[0].connections = 2;
  nodes[0].in_flight = 3;
  nodes[0].operations[0] = 4;
  nodes[0].operations[At(Failure::kTimeout)] = 5;
  nodes[0].operations[At(Failure::kOther)] = 6;
  nodes[1].sentinel = true;
  nodes[1].known = false;
  snapshot.store.backlog_limit = 100;
  std::string html;
  AppendRedis(snapshot, &html);
  EXPECT_THAT(html, HasSubstr("<tr><td>a:1</td><td>half_open</td><td class=n>2</td><td class=n>3</td>"
                              "<td class=n>4</td><td class=n>11</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<td>&lt;b&gt;:2 (Sentinel) (gone)</td>"));
  EXPECT_THAT(html, HasSubstr("<td>0 of at most 100 profiles wait for Redis</td>"));
  snapshot.store.backlog = 7;
  snapshot.store.backlog_oldest_seconds = 12.34;
  html.clear();
  AppendRedis(snapshot, &html);
  EXPECT_THAT(html, HasSubstr("<td>7 of at most 100 profiles wait for Redis, the oldest for 12.3 s</td>"));
}

}  // namespace
}  // namespace kindred
