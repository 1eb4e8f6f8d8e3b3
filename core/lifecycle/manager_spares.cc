// What is loaded when nothing else is due: generations to go back to, and versions that were refused for something that
// passes.
#include <algorithm>

#include "core/lifecycle/model_manager_impl.h"

namespace kindred {

bool ModelManager::Impl::AdvanceSpares() {
  for (auto& [name, model] : models_) {
    const ModelDecisions& decisions = decisions_[name];
    const uint64_t version = NextSpare(model, decisions, options_.keep_ready);
    if (version == 0) continue;
    // One that has served is wanted however far it is from what serves now, as in a rollback.
    const bool has_served =
        std::find(decisions.served.begin(), decisions.served.end(), version) != decisions.served.end();
    const absl::Status ready = MakeReady(&model, version, {.force = has_served, .gives_way = true, .spare = true});
    if (ready.ok() && model.published != nullptr) Publish(&model);
    return true;
  }
  return false;
}

void ModelManager::Impl::TryAgain() {
  const Clock::time_point now = Clock::now();
  for (auto& [name, model] : models_) {
    for (auto& [version, known] : model.versions) {
      if (known.state != VersionState::kFailed || known.retry_at > now) continue;
      Move(&known, VersionState::kDiscovered);
      work_due_ = true;
    }
  }
}

void ModelManager::Impl::RoomWasMade() {
  for (auto& [name, model] : models_) {
    for (auto& [version, known] : model.versions) {
      if (known.retry_at != KnownVersion::kNoRetry) known.retry_at = Clock::now();
      if (known.spare_refused) work_due_ = true;
      known.spare_refused = false;
    }
  }
}

}  // namespace kindred
