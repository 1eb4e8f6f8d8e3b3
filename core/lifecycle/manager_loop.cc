// The manager's threads, and what it does all the time: wait, look after what is loaded.
#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/thread_priority.h"
#include "core/lifecycle/model_manager_impl.h"

namespace kindred {
namespace {

// How long a fault under a generation, or the end of its last reader, may go unnoticed.
constexpr std::chrono::milliseconds kAttendInterval{100};
// Whoever answers requests goes before whoever loads.
constexpr int kLoadNice = 10;

absl::StatusOr<std::thread> StartThread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        StrCat("no thread to load or check a version on: ", error.what(),
               "; raise the limit of processes (ulimit -u, the cgroup's pids.max) or of memory"));
  }
}

absl::Status WithoutExceptions(const std::function<absl::Status()>& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("memory: none was left while a version was loaded; raise the limit");
  } catch (const std::exception& error) {
    return absl::UnavailableError(StrCat("a version could not be loaded or checked: ", error.what()));
  }
}

}  // namespace

ModelManager::Impl::Impl(const ManagerOptions& options, ModelRegistry* registry, ManagerObserver* observer,
                         std::unique_ptr<VersionLoader> loader, std::unique_ptr<StoreWatch> watch, Decisions decisions)
    : options_(options),
      registry_(*registry),
      observer_(*observer),
      loader_(std::move(loader)),
      watch_(std::move(watch)),
      decisions_(std::move(decisions)) {}

absl::Status ModelManager::Impl::LoadAll() {
  if (absl::Status scanned = Scan(); !scanned.ok()) return scanned;
  size_t versions = 0;
  bool any = false;
  for (auto& [name, model] : models_) {
    versions += model.versions.size();
    while (!stopping_ && Advance(&model, /*gives_way=*/false)) {
    }
    any = any || model.serving != 0;
  }
  CleanWork();
  if (any) return absl::OkStatus();
  if (stopping_) return absl::CancelledError("stopped while models were loaded");
  return absl::NotFoundError(
      versions == 0
          ? absl::StrFormat("no model under '%s': looked for <model>/<version>/%s, with a decimal version",
                            options_.store_dir, std::string(kBundleFileName))
          : absl::StrFormat("none of the %d versions under '%s' could be loaded", versions, options_.store_dir));
}

void ModelManager::Impl::Start() {
  const std::lock_guard lock(threads_mutex_);
  if (stopping_ || thread_.joinable()) return;
  thread_ = std::thread([this] { Run(); });
  if (options_.scrub_bytes_per_second <= 0) return;
  scrubber_ = std::make_unique<Scrubber>(registry_, options_.scrub_bytes_per_second, options_.scrub_interval,
                                         options_.gate.verify == VerifyLevel::kHeader,
                                         [this](const ModelHandle& model, const std::string& what) {
                                           const std::lock_guard rot_lock(rot_mutex_);
                                           rot_.emplace_back(model, what);
                                         });
}

void ModelManager::Impl::Stop() {
  stopping_ = true;
  watch_->Wake();
  const std::lock_guard lock(threads_mutex_);
  if (thread_.joinable()) thread_.join();
  scrubber_.reset();
  for (ManagerTask& task : queue_.Close()) Cancel(&task);
}

void ModelManager::Impl::Rescan() {
  rescan_ = true;
  watch_->Wake();
}

void ModelManager::Impl::Ask(ManagerTask task) {
  if (queue_.Push(&task)) {
    watch_->Wake();
  } else {
    Cancel(&task);
  }
}

void ModelManager::Impl::Run() {
  while (!stopping_) {
    Attend(WaitTime());
    TryAgain();
    if (rescan_.exchange(false) || Clock::now() >= next_scan_) {
      // It tells the observer what is wrong with the store.
      (void)Scan();
      work_due_ = true;
    }
    if (std::optional<ManagerTask> task = queue_.Pop()) {
      Perform(&*task);
      work_due_ = true;
    } else if (work_due_ && !stopping_) {
      work_due_ = AdvanceOne();
    } else if (clean_due_) {
      CleanWork();
    }
  }
  reading_.reset();
  for (ManagerTask& task : queue_.Close()) Cancel(&task);
}

std::chrono::milliseconds ModelManager::Impl::WaitTime() const {
  if (work_due_ || rescan_ || !queue_.empty()) return std::chrono::milliseconds(0);
  const auto to_scan = std::chrono::ceil<std::chrono::milliseconds>(next_scan_ - Clock::now());
  return std::clamp(to_scan, std::chrono::milliseconds(0), kAttendInterval);
}

void ModelManager::Impl::Attend(std::chrono::milliseconds timeout) {
  const StoreWatch::Events events = watch_->Wait(timeout);
  if (events.store_changed) rescan_ = true;
  for (const StoreWatch::File& file : events.files) HandleFile(file);
  CheckPoisoned();
  CheckSuspects();
  CheckDraining();
}

absl::Status ModelManager::Impl::RunAside(const std::function<absl::Status()>& work) {
  std::atomic<bool> done = false;
  absl::Status status;
  absl::StatusOr<std::thread> worker = StartThread([&] {
    LowerPriority(kLoadNice);
    status = WithoutExceptions(work);
    done = true;
    watch_->Wake();
  });
  if (!worker.ok()) return worker.status();
  busy_ = true;
  while (!done) Attend(kAttendInterval);
  worker->join();
  busy_ = false;
  return status;
}

void ModelManager::Impl::HandleFile(const StoreWatch::File& file) {
  for (auto& [name, model] : models_) {
    for (auto& [version, known] : model.versions) {
      if (known.watched != file.path) continue;
      known.changed = true;
      const ModelHandle generation = known.ready() ? known.model : known.draining.lock();
      if (generation == nullptr) continue;
      const std::string what = StrCat(file.path, " was ", file.kind == "unreadable" ? "made " : "", file.kind);
      const bool mapped = generation->load_mode() == LoadMode::kMap;
      if (file.kind == "touched") {
        known.suspect = mapped && known.ready();
      } else if (file.kind == "modified" && mapped) {
        generation->Poison();
        if (known.ready()) GiveUpGeneration(&model, &known, file.kind, what);
      } else if (known.ready() && !known.told_damage) {
        known.told_damage = true;
        // A copy in memory is as it was.
        TellDamage(known, file.kind == "modified" ? "ignored" : file.kind, what);
      }
    }
  }
}

void ModelManager::Impl::CheckPoisoned() {
  for (auto& [name, model] : models_) {
    for (auto& [version, known] : model.versions) {
      if (!known.ready() || !known.model->poisoned()) continue;
      const std::string rot = TakeRot(known.model);
      const std::string& path = known.model->info().path;
      GiveUpGeneration(&model, &known, rot.empty() ? "sigbus" : "scrub",
                       rot.empty() ? StrCat(path, ": part of what was mapped is gone") : rot);
    }
  }
}

void ModelManager::Impl::CheckSuspects() {
  if (reading_ != nullptr && reading_->done) EndReading();
  if (reading_ != nullptr || stopping_) return;
  for (auto& [name, model] : models_) {
    for (auto& [version, known] : model.versions) {
      if (!known.suspect || !known.ready()) continue;
      auto reading = std::make_unique<Reading>(known.model);
      absl::StatusOr<std::thread> thread = StartThread([this, reading = reading.get()] {
        LowerPriority(kLoadNice);
        reading->status = WithoutExceptions([&] {
          return reading->generation->VerifyAgain(options_.prefault_bytes_per_second,
                                                  [&] { return !stopping_ && !reading->generation->poisoned(); });
        });
        reading->done = true;
        watch_->Wake();
      });
      // Without a thread for it, soon again.
      if (!thread.ok()) return;
      reading->thread = *std::move(thread);
      reading_ = std::move(reading);
      known.suspect = false;
      return;
    }
  }
}

void ModelManager::Impl::EndReading() {
  const std::unique_ptr<Reading> ended = std::move(reading_);
  ended->thread.join();
  for (auto& [name, model] : models_) {
    for (auto& [version, known] : model.versions) {
      if (known.model != ended->generation) continue;
      if (absl::IsDataLoss(ended->status)) {
        GiveUpGeneration(&model, &known, "modified", std::string(ended->status.message()));
      } else if (absl::IsResourceExhausted(ended->status)) {
        known.suspect = true;
      }
      return;
    }
  }
}

std::string ModelManager::Impl::TakeRot(const ModelHandle& model) {
  const std::lock_guard lock(rot_mutex_);
  std::string what;
  std::erase_if(rot_, [&](const auto& entry) {
    const ModelHandle found = entry.first.lock();
    if (found == model) what = entry.second;
    return found == nullptr || found == model;
  });
  return what;
}

void ModelManager::Impl::GiveUpGeneration(ServedModel* model, KnownVersion* known, std::string_view kind,
                                          const std::string& what) {
  known->model->Poison();
  const uint64_t version = known->stored.version;
  for (auto& [number, other] : model->versions) {
    // They were measured by what may have been damaged already.
    if (other.state == VersionState::kFailed && other.drifted_from.lock() == known->model) {
      Move(&other, VersionState::kDiscovered);
    }
  }
  known->failed_signature = SignatureOf(known->stored.path);
  known->refusal = absl::OkStatus();
  known->drifted_from.reset();
  known->changed_signature.clear();
  known->asked = false;
  // Readers that still have it find out by themselves; it leaves after the last of them.
  leaving_.push_back(std::move(known->model));
  known->suspect = false;
  Unwatch(known);
  table_.Change(model->name, version, [](VersionStatus* status) { status->poisoned = true; });
  const uint64_t before = model->serving;
  if (before == version) model->serving = 0;
  const uint64_t next = model->serving != 0 ? 0 : BestReady(*model, decisions_[model->name]);
  if (next == 0 && model->serving == 0) hurry_ = true;
  if (next != 0) {
    Serve(model, next, before);
  } else if (model->published != nullptr) {
    Publish(model);
  }
  Move(known, VersionState::kFailed,
       StrCat("its files changed while it was loaded: ", what, "; publish what it should be as a new version"));
  TellDamage(*known, kind, what);
  work_due_ = true;
}

void ModelManager::Impl::TellDamage(const KnownVersion& known, std::string_view kind, const std::string& what) {
  observer_.OnDamage(table_.Find(known.stored.model, known.stored.version), kind, what);
}

void ModelManager::Impl::LetGo() {
  if (unmapping_.valid() && unmapping_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  const auto first = std::partition(leaving_.begin(), leaving_.end(),
                                    [](const ModelHandle& generation) { return generation.use_count() > 1; });
  if (first == leaving_.end()) return;
  std::vector<ModelHandle> free(std::make_move_iterator(first), std::make_move_iterator(leaving_.end()));
  leaving_.erase(first, leaving_.end());
  unmapping_ = std::async(std::launch::async, [this, free = std::move(free)]() mutable {
    LowerPriority(kLoadNice);
    free.clear();
    watch_->Wake();
  });
}

void ModelManager::Impl::CheckDraining() {
  LetGo();
  for (auto& [name, model] : models_) {
    for (auto entry = model.versions.begin(); entry != model.versions.end();) {
      KnownVersion& known = entry->second;
      const auto next = std::next(entry);
      if (known.state == VersionState::kDraining && known.draining.expired()) {
        Unwatch(&known);
        Move(&known, VersionState::kGone);
        RoomWasMade();
        if (!known.in_store) {
          table_.Erase(name, entry->first);
          model.versions.erase(entry);
        }
      }
      entry = next;
    }
  }
}

void ModelManager::Impl::CleanWork() {
  clean_due_ = false;
  std::vector<std::string> keep;
  for (const auto& [name, model] : models_) {
    for (const auto& [version, known] : model.versions) {
      if (!known.watched.empty()) keep.push_back(known.watched);
    }
  }
  loader_->Clean(keep);
}

}  // namespace kindred
