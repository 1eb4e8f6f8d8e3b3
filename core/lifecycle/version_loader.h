// What the manager needs from around it: how a version of the store becomes a generation, and what happens to files.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/lifecycle/model_store.h"
#include "core/lifecycle/version_gate.h"

namespace kindred {

// Used by one thread at a time.
class VersionLoader {
 public:
  virtual ~VersionLoader() = default;
  // Makes a bundle of what the version's folder holds, where it is none, and puts it through the gate. As PassGate.
  virtual absl::Status Load(const StoredVersion& stored, const ModelHandle& live, bool force,
                            const GateProgress& progress, GateResult* result) = 0;
  // Removes bundles that were made of other forms, but for these paths.
  virtual void Clean(const std::vector<std::string>& keep) = 0;
};

class StoreWatch {
 public:
  struct File {
    std::string path;
    std::string kind;  // "modified", "deleted", "unreadable"
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
  virtual void WatchFile(const std::string& path) = 0;
  virtual void UnwatchFile(const std::string& path) = 0;
};

}  // namespace kindred
