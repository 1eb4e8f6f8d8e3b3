// The status page of the admin server: what serves here, for a person to read. Pure function.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/lifecycle/model_registry.h"
#include "core/lifecycle/unavailable_items.h"
#include "server/model_metrics.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/redis_metrics.h"
#include "server/rpc/call_stats.h"

namespace kindred {

struct StatusSnapshot {
  std::string state;  // "loading", "ready", "draining"
  std::string grpc_address;
  std::string admin_grpc_address;
  double uptime_seconds = 0;
  std::vector<ModelHandle> models;
  const ProfileStore* store = nullptr;                    // may be null
  const ProfileWriter* writer = nullptr;                  // may be null
  const rpc::CallStats* calls = nullptr;                  // may be null
  const rpc::CallStats* admin_calls = nullptr;            // of the admin gRPC port; may be null
  std::shared_ptr<const UnavailableItems> unavailable{};  // may be null
  std::optional<RedisSnapshot> redis{};                   // where profiles are in Redis
  std::optional<ModelsSnapshot> versions{};
};

// Self-contained HTML; every text in it is escaped.
std::string StatusPage(const StatusSnapshot& snapshot);

// &, <, >, " and ' escaped.
std::string EscapeHtml(std::string_view text);

}  // namespace kindred
