// What /metrics and the status page say of Redis: its nodes as the client counts them, and what the profile store does
// with them. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/metric_families.h"
#include "server/redis/client_stats.h"

namespace kindred {

// What the redis profile store has done, at one moment.
struct RedisStoreFigures {
  // Reads, by what answered them.
  uint64_t overlay = 0, near_cache = 0, negative_cache = 0, redis = 0, journal = 0, none = 0;
  uint64_t degraded = 0;  // Redis could not be read: the last that is known, which may be nothing
  uint64_t joins = 0;     // reads that waited for another's
  // Values that are no profiles, by reason.
  static constexpr std::array<std::string_view, 4> kReasons = {"magic", "checksum", "crossed", "too_large"};
  std::array<uint64_t, kReasons.size()> corrupt{};
  uint64_t repairs = 0;
  uint64_t applied = 0, apply_failures = 0, conflicts = 0, replays = 0;
  uint64_t backlog = 0, backlog_limit = 0;
  double backlog_oldest_seconds = 0;  // 0: none waits
  uint64_t near_entries = 0, near_bytes = 0;
  uint64_t answer_hits = 0, answer_misses = 0, answer_errors = 0;  // look-ups of whole answers
};

// Both, read for one page.
struct RedisSnapshot {
  redis::ClientStats client;
  RedisStoreFigures store;
};

// Gauges of a node that is gone (from the cluster, as a master) are left out; its counters stay.
void CollectRedis(const redis::ClientStats& stats, MetricFamilies* out);
void CollectRedisStore(const RedisStoreFigures& figures, MetricFamilies* out);

// A section of the status page: the nodes, and what waits for them.
void AppendRedis(const RedisSnapshot& snapshot, std::string* html);

}  // namespace kindred
