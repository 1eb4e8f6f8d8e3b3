// What the manager needs from around it: how a version of the store becomes a generation, and what happens to files.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/lifecycle/model_store.h"
#include "core/lifecycle/version_gate.h"

namespace kindred {

// Used by one thread at a time.
class VersionLoader {
 public:
  virtual ~VersionLoader() = default;
  // The path of the bundle that the version's folder holds or that was made of what it holds. CANCELLED when `go_on`
  // says false.
  virtual absl::StatusOr<std::string> Prepare(const StoredVersion& stored, const std::function<bool()>& go_on) = 0;
  // Another bundle of the same version, where the gate found the first one invalid; NOT_FOUND when there is none.
  virtual absl::StatusOr<std::string> PrepareOther(const StoredVersion& stored, const std::function<bool()>& go_on) = 0;
  // As kindred::PassGate.
  virtual absl::Status PassGate(const std::string& path, const StoredVersion& stored, const ModelHandle& live,
                                bool force, const GateProgress& progress, GateResult* result) = 0;
  // Removes bundles that were made of other forms, but for these paths.
  virtual void Clean(const std::vector<std::string>& keep) = 0;
};

class StoreWatch {
 public:
  struct File {
    std::string path;
    std::string kind;  // "modified", "deleted", "unreadable"; "touched": only reading tells whether it is modified
  };
  struct Events {
    bool store_changed = false;  // versions may have come or gone
    std::vector<File> files;     // of those watched
  };

  virtual ~StoreWatch() = default;
  // What happened since the last call; waits up to `timeout` for something to happen. One thread at a time.
  virtual Events Wait(std::chrono::milliseconds timeout) = 0;
  // The present Wait, or else the next one, returns at once. From any thread.
  virtual void Wake() = 0;
  // What `path` is now is as it should be: goes before its content is checked. From any thread.
  virtual void WatchFile(const std::string& path) = 0;
  virtual void UnwatchFile(const std::string& path) = 0;
};

}  // namespace kindred
