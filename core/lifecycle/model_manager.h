// Takes versions of models from the store to serving and back: aspired versions, one load at a time, a gate before
// each, publication by pointer, earlier generations kept to go back to, damage noticed. One thread loads, another
// checks slowly what is loaded; whoever asks for something is told when it is done. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/lifecycle/aspired_versions.h"
#include "core/lifecycle/model_registry.h"
#include "core/lifecycle/version_gate.h"
#include "core/lifecycle/version_loader.h"
#include "core/lifecycle/version_status.h"

namespace kindred {

struct ManagerOptions {
  std::string store_dir;  // <store_dir>/<model>/<version>/
  std::string state_dir;  // operators' decisions; empty: forgotten at the end
  std::string work_dir;   // bundles made of compressed and legacy versions; empty: "<store_dir>.unpacked"
  GateOptions gate;
  ModelPolicy default_policy;
  std::map<std::string, ModelPolicy, std::less<>> policies;  // by model
  int keep_ready = 1;  // generations that served before and are ready to go back to, a model
  // How often the store is looked through, beside what the kernel tells at once of it.
  std::chrono::milliseconds poll_interval{5000};
  // A version refused for something that passes (no memory, no thread, files that cannot be read) is tried again by
  // itself: first after `first_retry`, then after twice as long each time, up to `last_retry`.
  std::chrono::milliseconds first_retry{1000};
  std::chrono::milliseconds last_retry{60'000};
  double prefault_bytes_per_second = 512e6;
  double scrub_bytes_per_second = 16e6;       // 0: no scrub
  std::chrono::seconds scrub_interval{3600};  // from the end of a pass over everything to the next
};

// What became of the manager's work, for logs and metrics. Called on the manager's thread; must not call the manager
// back, but for Status and List.
class ManagerObserver {
 public:
  virtual ~ManagerObserver() = default;
  virtual void OnState(const VersionStatus& version) = 0;  // a version came into a state
  // Before a generation is published: what must be made for it is made now (an availability view).
  virtual void OnPrepare(const ModelHandle& model) = 0;
  virtual void OnServing(const VersionStatus& now, uint64_t version_before) = 0;  // 0: none
  // Files changed under a generation: kind "sigbus" (pages are gone or not read), "modified", "scrub". Of "deleted",
  // "unreadable" (its permissions) and "ignored" (modified under a copy) only the next start suffers.
  virtual void OnDamage(const VersionStatus& version, std::string_view kind, std::string_view what) = 0;
  virtual void OnNote(std::string_view message, const VersionStatus& version) = 0;  // worth a log line
};

class ModelManager {
 public:
  // `registry` and `observer` must outlive this. Reads what operators decided; UNAVAILABLE when `state_dir` cannot be
  // used, DATA_LOSS when what is kept there is damaged: the message says what to do.
  static absl::StatusOr<std::unique_ptr<ModelManager>> Open(const ManagerOptions& options, ModelRegistry* registry,
                                                            ManagerObserver* observer);
  // With another way to load versions and to hear of changes than the gate and the kernel.
  static absl::StatusOr<std::unique_ptr<ModelManager>> Open(const ManagerOptions& options, ModelRegistry* registry,
                                                            ManagerObserver* observer,
                                                            std::unique_ptr<VersionLoader> loader,
                                                            std::unique_ptr<StoreWatch> watch);
  // Stops, unless Stop was called.
  ~ModelManager();

  // Before Start, on the caller's thread: brings every model to what is aspired; a version that the gate refuses is
  // passed over for the next older one. NOT_FOUND, saying what was looked for, when no model could be loaded.
  absl::Status LoadAll();
  // Begins to watch the store and to do what is asked; when nothing else is due, makes ready what there is not yet of
  // `keep_ready` to go back to.
  void Start();
  // Gives up the load in progress and tells those who wait (CANCELLED). Generations go on to serve.
  void Stop();

  // Looks through the store soon; many calls, one look.
  void Rescan();

  // The outcome of what was asked, on the manager's thread or, when it cannot be begun, on the caller's.
  using Done = std::function<void(const absl::Status& status, const VersionStatus& version)>;

  // All are idempotent: asked again for what is so already or is being done, they join it and succeed with it.
  // NOT_FOUND for a model or version that the store does not have; errors of the gate as PassGate; CANCELLED after
  // Stop.
  //
  // To kReady, without serving. `force`: drift refuses nothing.
  void Load(std::string_view model, uint64_t version, bool force, Done done);
  // Through the whole gate and no further; nothing is kept, and what it serves stays as it is.
  void Validate(std::string_view model, uint64_t version, Done done);
  // Loads it where needed, and it serves. Of a model that follows the latest version: versions that are there already
  // do not take over any more, later ones do. `pin`: none does, until Follow.
  void Activate(std::string_view model, uint64_t version, bool pin, bool force, Done done);
  // The highest version serves again, and each later one. The error of the highest one when that was refused, whatever
  // serves in its place.
  void Follow(std::string_view model, Done done);
  // Activate of the version that served before the present one and is still good; FAILED_PRECONDITION where none is.
  // `from_version`: the one to leave, so that it is left only once however often this is asked; where another one
  // serves it succeeds with that. 0: whatever serves.
  void Rollback(std::string_view model, uint64_t from_version, Done done);
  // Takes a ready version out of memory. FAILED_PRECONDITION for the one that serves or has a label.
  void Unload(std::string_view model, uint64_t version, Done done);
  // Gives `label` to a version, which is loaded where needed; version 0 takes the label away. `share` of kWholeShare:
  // of users for "canary", of requests for "shadow", else 0. INVALID_ARGUMENT for a label that is a number, is
  // "stable" (the version that serves), or is not 1 to 64 letters, digits, '-', '_' and '.'. `force`: as Load's; at
  // later starts drift refuses none that was given a label this way or that.
  void SetLabel(std::string_view model, std::string_view label, uint64_t version, uint32_t share, bool force,
                Done done);

  std::vector<ModelStatus> List() const;  // by name
  absl::StatusOr<ModelStatus> Get(std::string_view model) const;
  // Whether something is being loaded, for health: "ready" does not depend on it.
  bool busy() const;

 private:
  class Impl;
  explicit ModelManager(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred
