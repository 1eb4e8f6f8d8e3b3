// What the manager of models does, for whoever runs the server: log lines, counts for the metrics, and what must follow
// a change of what serves. Thread-safe, but for OnServingChange.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_manager.h"

namespace kindred {

// Of one model, since the start.
struct ModelCounts {
  uint64_t loaded = 0;                                  // versions that became ready
  uint64_t refused = 0;                                 // versions that the gate refused
  uint64_t swaps = 0;                                   // another version took over
  uint64_t rollbacks = 0;                               // of those, to a lower version
  std::map<std::string, uint64_t, std::less<>> damage;  // by kind
};

class ModelEvents final : public ManagerObserver {
 public:
  using Counts = std::map<std::string, ModelCounts, std::less<>>;

  // `availability` must outlive this.
  explicit ModelEvents(AvailabilityRegistry* availability) : availability_(availability) {}

  // Has `then` called, on the manager's thread, whenever another generation answers than before, or one is damaged. Not
  // while the manager runs.
  void OnServingChange(std::function<void()> then) { then_ = std::move(then); }

  Counts counts() const;

  void OnState(const VersionStatus& version) override;
  void OnPrepare(const ModelHandle& model) override;
  void OnServing(const VersionStatus& now, uint64_t version_before) override;
  void OnDamage(const VersionStatus& version, std::string_view kind, std::string_view what) override;
  void OnNote(std::string_view message, const VersionStatus& version) override;

 private:
  AvailabilityRegistry* const availability_;
  std::function<void()> then_ = [] {};
  mutable std::mutex mutex_;
  Counts counts_;                                       // guarded by mutex_
  std::set<std::pair<std::string, uint64_t>> warming_;  // versions, of the manager's thread
};

}  // namespace kindred
