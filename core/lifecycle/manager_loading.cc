// From the store to ready, and the states on the way.
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/lifecycle/model_manager_impl.h"

namespace kindred {

absl::Status ModelManager::Impl::MakeReady(ServedModel* model, uint64_t version, bool force, bool gives_way) {
  KnownVersion& known = *model->Find(version);
  if (known.ready() || TakeBack(&known)) return absl::OkStatus();
  const std::string signature = SignatureOf(known.stored.path);
  Move(&known, VersionState::kVerifying);
  known.changed = false;
  GateResult result;
  absl::Status status = PassGateAside(*model, &known, force, gives_way, /*watch=*/true, &result);
  NoteResult(known, result);
  if (status.ok()) {
    Move(&known, VersionState::kWarming);
    status = Warm(known.stored, gives_way, result.model);
  }
  if (status.ok()) status = CheckUnchanged(signature, known, result.model);
  clean_due_ = true;
  if (!status.ok()) {
    Unwatch(&known);
    if (absl::IsCancelled(status)) {
      Move(&known, VersionState::kDiscovered);
    } else {
      known.failed_signature = signature;
      known.changed_signature.clear();
      Move(&known, VersionState::kFailed, std::string(status.message()));
    }
    return status;
  }
  known.model = std::move(result.model);
  known.draining.reset();
  known.told_damage = known.suspect = false;
  observer_.OnPrepare(known.model);
  Move(&known, VersionState::kReady);
  return absl::OkStatus();
}

bool ModelManager::Impl::TakeBack(KnownVersion* known) {
  if (known->state != VersionState::kDraining) return false;
  ModelHandle model = known->draining.lock();
  if (model == nullptr || model->poisoned()) return false;
  std::erase(leaving_, model);
  known->model = std::move(model);
  known->draining.reset();
  observer_.OnPrepare(known->model);
  Move(known, VersionState::kReady);
  return true;
}

bool ModelManager::Impl::GoOn(const StoredVersion& stored, bool gives_way) const {
  if (stopping_) return false;
  // What nobody asked for gives way to what someone waits for.
  return !gives_way || !queue_.WantsAnother(stored.model, stored.version);
}

absl::Status ModelManager::Impl::PassGateAside(const ServedModel& model, KnownVersion* known, bool force,
                                               bool gives_way, bool watch, GateResult* result) {
  // The thread beside has its own of all that this one may change meanwhile.
  const StoredVersion stored = known->stored;
  const ModelHandle live = model.serving == 0 ? nullptr : model.published;
  const GateProgress progress = [&](std::string_view step, double part) {
    table_.Change(stored.model, stored.version, [&](VersionStatus* status) {
      status->step = step;
      status->progress = part;
    });
    return GoOn(stored, gives_way);
  };
  const auto pass = [&](bool other) -> absl::Status {
    const auto go_on = [&] { return GoOn(stored, gives_way); };
    if (!progress("prepare", 0)) return GivenUp(stored);
    absl::StatusOr<std::string> path = GivenUp(stored);
    RunAside([&] { path = other ? loader_->PrepareOther(stored, go_on) : loader_->Prepare(stored, go_on); });
    if (!path.ok()) return path.status();
    if (watch) Watch(known, *path);
    *result = GateResult();
    absl::Status status;
    RunAside([&] { status = loader_->PassGate(*path, stored, live, force, progress, result); });
    return status;
  };
  const Clock::time_point begin = Clock::now();
  absl::Status status = pass(/*other=*/false);
  if (absl::IsInvalidArgument(status)) {
    const absl::Status other = pass(/*other=*/true);
    if (!absl::IsNotFound(other)) {
      observer_.OnNote(
          StrCat("a bundle was refused, and the legacy files beside it were tried: ", std::string(status.message())),
          table_.Find(stored.model, stored.version));
      status = other;
    }
  }
  result->seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (status.ok() && result->model == nullptr) return absl::InternalError("the gate let nothing through");
  return status;
}

absl::Status ModelManager::Impl::GivenUp(const StoredVersion& stored) {
  return absl::CancelledError(
      absl::StrFormat("loading version %d of '%s' was given up: the server stops, or another version was asked for",
                      stored.version, stored.model));
}

absl::Status ModelManager::Impl::Warm(const StoredVersion& version, bool gives_way, const ModelHandle& generation) {
  const StoredVersion stored = version;
  bool gave_up = false;
  RunAside([&] {
    generation->Prefault(options_.prefault_bytes_per_second, [&] {
      gave_up = gave_up || !GoOn(stored, gives_way);
      return !gave_up;
    });
  });
  return gave_up ? GivenUp(stored) : absl::OkStatus();
}

absl::Status ModelManager::Impl::CheckUnchanged(const std::string& signature, const KnownVersion& known,
                                                const ModelHandle& generation) {
  const bool changed = known.changed || generation->poisoned() || SignatureOf(known.stored.path) != signature;
  if (!changed) return absl::OkStatus();
  return absl::AbortedError(StrCat(known.stored.path,
                                   ": files changed while they were loaded; publish a version by renaming its "
                                   "complete folder into the store"));
}

void ModelManager::Impl::NoteResult(const KnownVersion& known, const GateResult& result) {
  table_.Change(known.stored.model, known.stored.version, [&result](VersionStatus* status) {
    status->load_seconds = result.seconds;
    status->golden_queries = result.golden_queries;
    status->drift = result.drift;
    status->memory = result.memory;
    status->bytes = result.memory.bundle;
    if (result.model == nullptr) return;
    status->digest = result.model->digest();
    if (status->bytes == 0) status->bytes = result.model->info().file_size;
  });
}

void ModelManager::Impl::Move(KnownVersion* known, VersionState state, std::string_view reason) {
  known->state = state;
  table_.Move(known->stored.model, known->stored.version, state, reason);
  observer_.OnState(table_.Find(known->stored.model, known->stored.version));
}

void ModelManager::Impl::Watch(KnownVersion* known, const std::string& path) {
  if (known->watched != path) Unwatch(known);
  known->watched = path;
  watch_->WatchFile(path);
}

void ModelManager::Impl::Unwatch(KnownVersion* known) {
  if (known->watched.empty()) return;
  watch_->UnwatchFile(known->watched);
  known->watched.clear();
  clean_due_ = true;
}

}  // namespace kindred
