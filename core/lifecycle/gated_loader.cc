#include "core/lifecycle/gated_loader.h"

#include <utility>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/lifecycle/store_watcher.h"
#include "core/packing/prepare_version.h"

namespace kindred {
namespace {

class GatedLoader : public VersionLoader {
 public:
  GatedLoader(const GateOptions& options, std::string work_dir) : options_(options), work_dir_(std::move(work_dir)) {}

  absl::StatusOr<std::string> Prepare(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    return PrepareVersion(stored.path, stored.model, StrCat(stored.version), work_dir_, go_on);
  }
  absl::StatusOr<std::string> PrepareOther(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    return PrepareLegacy(stored.path, stored.model, StrCat(stored.version), work_dir_, go_on);
  }
  absl::Status PassGate(const std::string& path, const StoredVersion& stored, const ModelHandle& live, bool force,
                        const GateProgress& progress, GateResult* result) override {
    return kindred::PassGate(path, stored.model, stored.version, live, force, options_, progress, result);
  }
  void Clean(const std::vector<std::string>& keep) override { CleanPrepared(work_dir_, keep); }

 private:
  const GateOptions options_;
  const std::string work_dir_;
};

class WatchedStore : public StoreWatch {
 public:
  explicit WatchedStore(std::unique_ptr<StoreWatcher> watcher) : watcher_(std::move(watcher)) {}

  Events Wait(std::chrono::milliseconds timeout) override {
    StoreWatcher::Events from = watcher_->Wait(timeout);
    Events events;
    events.store_changed = from.store_changed;
    for (StoreWatcher::Events::File& file : from.files) {
      events.files.push_back({std::move(file.path), std::move(file.kind)});
    }
    return events;
  }
  void Wake() override { watcher_->Wake(); }
  void WatchFile(const std::string& path) override { watcher_->WatchFile(path); }
  void UnwatchFile(const std::string& path) override { watcher_->UnwatchFile(path); }

 private:
  const std::unique_ptr<StoreWatcher> watcher_;
};

}  // namespace

std::unique_ptr<VersionLoader> MakeGatedLoader(const GateOptions& options, const std::string& work_dir) {
  return std::make_unique<GatedLoader>(options, work_dir);
}

absl::StatusOr<std::unique_ptr<StoreWatch>> OpenStoreWatch(const std::string& store_dir) {
  ASSIGN_OR_RETURN(std::unique_ptr<StoreWatcher> watcher, StoreWatcher::Open(store_dir));
  return std::make_unique<WatchedStore>(std::move(watcher));
}

}  // namespace kindred
