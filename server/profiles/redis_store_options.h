// What the redis profile store may be told. Plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/profile/profile.h"

namespace kindred {

struct RedisStoreOptions {
  // The key of a profile is this and the user id.
  std::string key_prefix = "profile:";
  ProfileLimits limits;

  // How long a profile lives in Redis and in the journal after its last change; in Redis each within ±10 %, and longer
  // where it is read.
  std::chrono::milliseconds ttl = std::chrono::hours(24 * 30);
  // How long Redis remembers a deletion. No shorter than ttl, or else a replica could bring back what it still has.
  std::chrono::milliseconds tombstone_ttl = std::chrono::hours(24 * 36);

  // A read waits at most so long, and at most 30 % of what its call has left.
  std::chrono::milliseconds read_timeout{5};
  std::chrono::milliseconds write_timeout{500};

  // What was read is used so long without asking again, a profile and its absence; and how much memory that may take.
  std::chrono::milliseconds near_ttl{2000};
  std::chrono::milliseconds negative_ttl{1000};
  uint64_t near_bytes = 64u << 20;

  // Profiles that may wait for Redis; beyond, commits are refused.
  uint64_t max_backlog = 100'000;
  // Writes sent and not answered yet.
  uint32_t max_in_flight = 64;
  // Profiles a second that are written again to a Redis that may have lost them.
  uint32_t replay_per_second = 5'000;
  // How often is looked whether Redis was emptied under us (FLUSHALL, which changes no run_id); 0: never.
  std::chrono::milliseconds canary_interval{1000};
  uint32_t canary_keys = 1;  // more for a cluster, whose nodes are emptied one by one
  // What sets this server apart from the others of its Redis, the same after a restart.
  std::string server_id = "0";
  // Where it is kept which Redis servers have it all; empty: every start writes the whole journal again.
  std::string servers_file;
  // A cluster's nodes are met so soon after the start. One that is met later may have become a master since, without
  // the writes of this process, and is given everything, known or not.
  std::chrono::milliseconds meeting{10'000};
  // How often profiles older than ttl are dropped from the journal.
  std::chrono::milliseconds sweep_interval = std::chrono::hours(1);
  // Redis is one server, no cluster, so that SCAN sees all and all writes fail together.
  bool scan = true;
  // Commits wait for the disk. Without, what is acknowledged survives a crash of the process, not of the machine.
  bool sync_journal = true;
};

}  // namespace kindred
