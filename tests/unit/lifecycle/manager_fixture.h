// A manager over a store of small real bundles, with a loader and a watch that tests hold in their hands.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/lifecycle/model_manager.h"
#include "tests/support/files.h"

namespace kindred::testing {

// Loads what is there, unless told otherwise. Thread-safe.
class FakeLoader {
 public:
  absl::StatusOr<std::string> PrepareOther(const StoredVersion& stored);
  absl::Status PassGate(const std::string& path, const StoredVersion& stored, const ModelHandle& live, bool force,
                        const GateProgress& progress, GateResult* result);

  void Refuse(uint64_t version, const absl::Status& status);  // OK: no longer
  void Throw(bool throws);                                    // every load, as without memory
  void Hold(uint64_t version);                                // its loads do not end before Release
  void Release(uint64_t version);
  void SetLoadMode(LoadMode mode);  // of later loads
  int Loads(uint64_t version) const;
  std::vector<uint64_t> Order() const;  // of loads, as they began
  int most_at_once() const;
  std::string live_version() const;  // what the last load was compared with; empty: nothing
  bool forced() const;               // the last load

 private:
  mutable std::mutex mutex_;
  std::condition_variable released_;
  std::map<uint64_t, absl::Status> refused_;
  std::set<uint64_t> held_;
  std::vector<uint64_t> order_;
  int at_once_ = 0, most_at_once_ = 0;
  std::string live_version_;
  bool forced_ = false, throws_ = false;
  LoadMode mode_ = LoadMode::kMap;
};

// Thread-safe.
class FakeWatch {
 public:
  StoreWatch::Events Wait(std::chrono::milliseconds timeout);
  void Wake();
  void Tell(const std::string& path, const std::string& kind);
  void WatchFile(const std::string& path);
  void UnwatchFile(const std::string& path);
  std::set<std::string> watched() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable happened_;
  bool woken_ = false;
  StoreWatch::Events events_;
  std::set<std::string> watched_;
};

// What the observer was told, a line each: "state demo/1 ready", "serving demo/2 after 1", "damage demo/2 modified",
// "note …". A state that may not follow the one before fails the test. Thread-safe.
class RecordingObserver : public ManagerObserver {
 public:
  void OnState(const VersionStatus& version) override;
  void OnPrepare(const ModelHandle& model) override;
  void OnServing(const VersionStatus& now, uint64_t version_before) override;
  void OnDamage(const VersionStatus& version, std::string_view kind, std::string_view what) override;
  void OnNote(std::string_view message, const VersionStatus& version) override;

  std::vector<std::string> Lines(const std::string& beginning = "") const;

 private:
  void Add(std::string line);

  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::map<std::pair<std::string, uint64_t>, VersionState> last_;
};

struct Outcome {
  absl::Status status;
  VersionStatus version;
};

// Whether `condition` comes true before long.
bool Eventually(const std::function<bool()>& condition);

class ManagerTest : public ::testing::Test {
 protected:
  ManagerTest();

  // Puts a version of `model` into the store by renaming its complete folder; replaces what is there.
  void Put(uint64_t version, const std::string& model = "demo");
  std::string Folder(uint64_t version, const std::string& model = "demo") const;
  std::string Bundle(uint64_t version, const std::string& model = "demo") const;

  // A manager with options_, nothing loaded yet; the one before stops.
  absl::Status Open();
  // And with everything loaded and started.
  void Begin();

  Outcome Ask(const std::function<void(ModelManager::Done)>& ask);
  Outcome Activate(uint64_t version, bool pin = false);
  Outcome Load(uint64_t version);
  Outcome Rollback(uint64_t from_version = 0);
  Outcome Follow();
  Outcome SetLabel(const std::string& label, uint64_t version, uint32_t share = 0, bool force = false);
  // Has the store looked through, and waits until that is done.
  void Rescan();

  uint64_t Serving(const std::string& model = "demo") const;           // by the status
  std::string Answering(const std::string& reference = "demo") const;  // by the registry; empty: none
  VersionStatus Status(uint64_t version, const std::string& model = "demo") const;
  VersionState State(uint64_t version, const std::string& model = "demo") const { return Status(version, model).state; }

  TempDir dir_;
  std::string store_, state_;
  ManagerOptions options_;
  ModelRegistry registry_;
  RecordingObserver observer_;
  std::shared_ptr<FakeLoader> loader_;
  std::shared_ptr<FakeWatch> watch_;
  std::unique_ptr<ModelManager> manager_;
};

}  // namespace kindred::testing
