#include "core/lifecycle/gated_loader.h"

#include <new>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/compression.h"
#include "core/bundle/store_layout.h"
#include "core/lifecycle/store_watcher.h"
#include "core/packing/prepare_version.h"

namespace kindred {
namespace {

absl::StatusOr<std::string> WithinMemory(const StoredVersion& stored,
                                         const std::function<absl::StatusOr<std::string>()>& prepare) {
  try {
    return prepare();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        StrCat(stored.path,
               ": memory: none was left while a bundle was made of it; raise the limit of this process, "
               "or unload versions that are kept ready (kindred models unload)"));
  }
}

class GatedLoader : public VersionLoader {
 public:
  GatedLoader(const GateOptions& options, std::string work_dir) : options_(options), work_dir_(std::move(work_dir)) {}

  absl::StatusOr<std::string> Prepare(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    // Before a disk is filled with what there is no memory for.
    RETURN_IF_ERROR(CheckCompressedMemory(stored));
    return WithinMemory(
        stored, [&] { return PrepareVersion(stored.path, stored.model, StrCat(stored.version), work_dir_, go_on); });
  }
  absl::StatusOr<std::string> PrepareOther(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    return WithinMemory(
        stored, [&] { return PrepareLegacy(stored.path, stored.model, StrCat(stored.version), work_dir_, go_on); });
  }
  absl::Status PassGate(const std::string& path, const StoredVersion& stored, const ModelHandle& live, bool force,
                        const GateProgress& progress, GateResult* result) override {
    return kindred::PassGate(path, stored.model, stored.version, live, force, options_, progress, result);
  }
  void Clean(const std::vector<std::string>& keep) override { CleanPrepared(work_dir_, keep); }

 private:
  // By the header of the bundle in it; what is wrong with that is for PrepareVersion to say.
  absl::Status CheckCompressedMemory(const StoredVersion& stored) const {
    if (FindVersionForm(stored.path) != VersionForm::kCompressed) return absl::OkStatus();
    const auto info = InspectCompressedBundle(StrCat(stored.path, "/", kBundleFileName, kCompressedSuffix));
    if (!info.ok()) return absl::OkStatus();
    MemoryNeed need;
    return CheckMemoryNeed(*info, nullptr, options_, &need);
  }

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
