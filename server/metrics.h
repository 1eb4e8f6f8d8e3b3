// Everything /metrics says: each name, label and bucket once, here and in metrics.cc. Counting happens where the work
// is, in per-worker counters without locks; this reads and adds them up when someone asks. Thread-safe.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/lifecycle/model_registry.h"
#include "server/availability_store.h"
#include "server/model_metrics.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/redis_metrics.h"
#include "server/request_log.h"
#include "server/rpc/call_stats.h"
#include "server/service_counters.h"

namespace kindred {

// Where the figures are. Null: not there (yet, or any more), and its families are left out.
struct MetricSources {
  const rpc::CallStats* calls = nullptr;
  const ServiceCounters* service = nullptr;
  const ModelRegistry* models = nullptr;
  const ProfileStore* store = nullptr;
  const ProfileWriter* writer = nullptr;
  const rpc::CallStats* admin_calls = nullptr;  // of the admin gRPC port
  const AvailabilityStore* items = nullptr;
  std::function<RedisSnapshot()> redis{};  // where profiles are in Redis
  std::function<ModelsSnapshot()> versions{};
  const RequestLog* request_log = nullptr;  // where there is one
};

class Metrics final : public prometheus::Collectable {
 public:
  // Returns when no scrape uses the sources before any more.
  void SetSources(const MetricSources& sources);
  void SetReady(bool ready) { ready_.store(ready); }

  std::vector<prometheus::MetricFamily> Collect() const override;

  // The text exposition format, version 0.0.4.
  std::string Text() const;

 private:
  mutable std::mutex mutex_;
  MetricSources sources_;  // guarded by mutex_
  std::atomic<bool> ready_{false};
};

}  // namespace kindred
