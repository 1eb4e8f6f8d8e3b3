// The manager's inside. One thread, the manager's, owns everything but what is marked: it hears of changes, does what
// was asked, publishes. What takes long (the gate, reading pages) runs on a thread of its own beside it, one at a time,
// while the manager's goes on to look after what is loaded. Internal to this room.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/lifecycle/manager_queue.h"
#include "core/lifecycle/model_manager.h"
#include "core/lifecycle/scrubber.h"
#include "core/lifecycle/served_model.h"
#include "core/lifecycle/version_table.h"

namespace kindred {

// On what terms a version is made ready.
struct LoadTerms {
  bool force = false;      // drift refuses nothing
  bool gives_way = false;  // nobody asked for it: to what someone waits for
  bool spare = false;      // only to go back to: to whatever is asked, and where there is no room it is no failure
};

class ModelManager::Impl {
 public:
  Impl(const ManagerOptions& options, ModelRegistry* registry, ManagerObserver* observer,
       std::unique_ptr<VersionLoader> loader, std::unique_ptr<StoreWatch> watch, Decisions decisions);

  absl::Status LoadAll();
  void Start();
  void Stop();
  // From any thread, as the rest.
  void Rescan();
  void Ask(ManagerTask task);
  const VersionTable& table() const { return table_; }
  bool busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;

  // manager_loop.cc
  void Run();
  std::chrono::milliseconds WaitTime() const;
  void Attend(std::chrono::milliseconds timeout);  // to what is loaded
  // RESOURCE_EXHAUSTED when there is no thread or no memory for it, UNAVAILABLE for other exceptions of `work`.
  absl::Status RunAside(const std::function<absl::Status()>& work);
  void HandleFile(const StoreWatch::File& file);
  void CheckPoisoned();
  void CheckDraining();
  void LetGo();  // of generations that nobody reads any more
  void CheckSuspects();
  void EndReading();
  void GiveUpGeneration(ServedModel* model, KnownVersion* known, std::string_view kind, const std::string& what);
  void TellDamage(const KnownVersion& known, std::string_view kind, const std::string& what);
  std::string TakeRot(const ModelHandle& model);  // empty: it was not the scrubber who found it
  void CleanWork();

  // manager_store.cc
  absl::Status Scan();
  void RefuseFolders(std::vector<StoredVersion>* found);  // those that cannot be names of models
  void Found(const StoredVersion& stored);
  void LookAgain(KnownVersion* known);  // at one that failed
  void Forget(ServedModel* model);      // versions that vanished
  void ForgetPassedOver(ServedModel* model);

  // manager_spares.cc
  bool AdvanceSpares();  // whether something was done
  void TryAgain();       // what was refused for something that passes
  void RoomWasMade();

  // manager_loading.cc
  absl::Status MakeReady(ServedModel* model, uint64_t version, const LoadTerms& terms);
  absl::Status PassGateAside(const ModelHandle& live, KnownVersion* known, const LoadTerms& terms, bool watch,
                             GateResult* result);
  static absl::Status GivenUp(const StoredVersion& stored);
  absl::Status Warm(const ServedModel& model, const StoredVersion& version, const LoadTerms& terms,
                    const ModelHandle& generation);
  absl::Status CheckUnchanged(const std::string& signature, const KnownVersion& known, const ModelHandle& generation);
  bool TakeBack(KnownVersion* known);  // one that drains
  bool GoOn(const StoredVersion& stored, const LoadTerms& terms) const;
  void Refuse(KnownVersion* known, const std::string& signature, const LoadTerms& terms, const ModelHandle& live,
              const absl::Status& status);
  void NoteResult(const KnownVersion& known, const GateResult& result);
  void Move(KnownVersion* known, VersionState state, std::string_view reason = {});
  void Watch(KnownVersion* known, const std::string& path);
  void Unwatch(KnownVersion* known);

  // manager_serving.cc
  bool AdvanceOne();                                 // whether something was done
  bool Advance(ServedModel* model, bool gives_way);  // a step towards what is aspired
  bool AdvanceLabels(ServedModel* model, bool gives_way);
  void Reconsider(ServedModel* model);
  void Serve(ServedModel* model, uint64_t version, uint64_t before);
  void Publish(ServedModel* model);
  void Release(KnownVersion* known);
  void NoteSubstitute(ServedModel* model);
  void NoteLabels(ServedModel* model);
  absl::Status Decide(const std::string& model, ModelDecisions decisions);

  // manager_tasks.cc
  void Perform(ManagerTask* task);
  absl::Status DoValidate(ServedModel* model, const ManagerTask& task, VersionStatus* outcome);
  absl::Status DoActivate(ServedModel* model, const ManagerTask& task);
  absl::Status DoFollow(ServedModel* model);
  absl::Status DoRollback(ServedModel* model, const ManagerTask& task);
  absl::Status DoUnload(ServedModel* model, const ManagerTask& task);
  absl::Status DoSetLabel(ServedModel* model, const ManagerTask& task);
  absl::Status CheckVersion(const ServedModel& model, uint64_t version) const;
  static void Cancel(ManagerTask* task);

  const ManagerOptions options_;
  ModelRegistry& registry_;
  ManagerObserver& observer_;
  const std::unique_ptr<VersionLoader> loader_;
  const std::unique_ptr<StoreWatch> watch_;

  // The manager's thread's.
  Decisions decisions_;
  std::map<std::string, ServedModel, std::less<>> models_;
  std::string store_error_;        // of the last scan, so that it is told once
  std::set<std::string> refused_;  // folders, likewise
  Clock::time_point next_scan_{};
  // Generations on their way out: kept here so that it is never a request that unmaps one. Those that nobody else has
  // any more go on a thread of their own.
  std::vector<ModelHandle> leaving_;
  std::future<void> unmapping_;
  bool work_due_ = true;   // something may be aspired to that is not so yet
  bool clean_due_ = true;  // bundles may have been made that nothing needs any more

  // Thread-safe.
  VersionTable table_;
  ManagerQueue queue_;
  std::atomic<bool> rescan_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> busy_ = false;
  std::atomic<bool> hurry_ = false;  // nothing sound serves: what is being warmed need not spare anyone
  std::mutex rot_mutex_;
  std::vector<std::pair<std::weak_ptr<const Model>, std::string>>
      rot_;  // guarded by rot_mutex_: what the scrubber found

  std::mutex threads_mutex_;  // of Start and Stop
  std::thread thread_;
  std::unique_ptr<Scrubber> scrubber_;

  // A generation whose file was touched, being read on a thread of its own, as its damage must not wait for a load.
  struct Reading {
    explicit Reading(ModelHandle of) : generation(std::move(of)) {}
    ~Reading() {
      if (thread.joinable()) thread.join();
    }
    const ModelHandle generation;
    absl::Status status;  // once done
    std::atomic<bool> done = false;
    std::thread thread;
  };
  std::unique_ptr<Reading> reading_;  // the manager's thread's; last, as it uses the rest
};

}  // namespace kindred
