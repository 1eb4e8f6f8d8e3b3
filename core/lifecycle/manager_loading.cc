// From the store to ready, and the states on the way.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/lifecycle/model_manager_impl.h"

namespace kindred {
namespace {

// Whether a refusal says nothing of the version itself: there may be room for it, or its files can be read, later.
bool Passes(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) || absl::IsAborted(status);
}

}  // namespace

absl::Status ModelManager::Impl::MakeReady(ServedModel* model, uint64_t version, const LoadTerms& terms) {
  KnownVersion& known = *model->Find(version);
  if (known.ready() || TakeBack(&known)) return absl::OkStatus();
  const std::string signature = SignatureOf(known.stored.path);
  const ModelHandle live = model->serving == 0 ? nullptr : model->published;
  Move(&known, VersionState::kVerifying);
  known.changed = false;
  GateResult result;
  absl::Status status = PassGateAside(live, &known, terms, /*watch=*/true, &result);
  NoteResult(known, result);
  if (status.ok()) {
    Move(&known, VersionState::kWarming);
    status = Warm(*model, known.stored, terms, result.model);
  }
  if (status.ok()) status = CheckUnchanged(signature, known, result.model);
  clean_due_ = true;
  if (!status.ok()) {
    Refuse(&known, signature, terms, live, status);
    return status;
  }
  known.model = std::move(result.model);
  known.draining.reset();
  known.loaded_signature = signature;
  known.backoff = std::chrono::milliseconds(0);
  known.told_damage = known.suspect = known.told_spare = known.unloaded = false;
  observer_.OnPrepare(known.model);
  Move(&known, VersionState::kReady);
  return absl::OkStatus();
}

void ModelManager::Impl::Refuse(KnownVersion* known, const std::string& signature, const LoadTerms& terms,
                                const ModelHandle& live, const absl::Status& status) {
  Unwatch(known);
  if (absl::IsCancelled(status)) return Move(known, VersionState::kDiscovered);
  if (Passes(status) && terms.spare) {
    known->spare_refused = true;
    Move(known, VersionState::kDiscovered);
    if (!std::exchange(known->told_spare, true)) {
      observer_.OnNote(StrCat("a version is not kept ready to go back to: ", std::string(status.message())),
                       table_.Find(known->stored.model, known->stored.version));
    }
    return;
  }
  known->refusal = status;
  known->failed_signature = signature;
  known->changed_signature.clear();
  known->drifted_from.reset();
  if (absl::IsFailedPrecondition(status) && live != nullptr) known->drifted_from = live;
  if (Passes(status)) {
    known->backoff = std::clamp(2 * known->backoff, options_.first_retry, options_.last_retry);
    known->retry_at = Clock::now() + known->backoff;
  }
  Move(known, VersionState::kFailed, std::string(status.message()));
  // Nothing can be said against it any more.
  if (!known->drifted_from.expired() && live->poisoned()) Move(known, VersionState::kDiscovered);
}

bool ModelManager::Impl::TakeBack(KnownVersion* known) {
  if (known->state != VersionState::kDraining) return false;
  ModelHandle model = known->draining.lock();
  if (model == nullptr || model->poisoned()) return false;
  // Nobody looked after its file meanwhile; another one may be there by now.
  if (!model->CheckFile().ok() || SignatureOf(known->stored.path) != known->loaded_signature) return false;
  std::erase(leaving_, model);
  known->model = std::move(model);
  known->draining.reset();
  observer_.OnPrepare(known->model);
  Move(known, VersionState::kReady);
  return true;
}

bool ModelManager::Impl::GoOn(const StoredVersion& stored, const LoadTerms& terms) const {
  if (stopping_ || (terms.spare && !queue_.empty())) return false;
  // What nobody asked for gives way to what someone waits for.
  return !terms.gives_way || !queue_.WantsAnother(stored.model, stored.version);
}

absl::Status ModelManager::Impl::PassGateAside(const ModelHandle& live, KnownVersion* known, const LoadTerms& terms,
                                               bool watch, GateResult* result) {
  // The thread beside has its own of all that this one may change meanwhile.
  const StoredVersion stored = known->stored;
  const GateProgress progress = [&](std::string_view step, double part) {
    table_.Change(stored.model, stored.version, [&](VersionStatus* status) {
      status->step = step;
      status->progress = part;
    });
    return GoOn(stored, terms);
  };
  const auto pass = [&](bool other) -> absl::Status {
    const auto go_on = [&] { return GoOn(stored, terms); };
    if (!progress("prepare", 0)) return GivenUp(stored);
    absl::StatusOr<std::string> path = GivenUp(stored);
    RETURN_IF_ERROR(RunAside([&] {
      path = other ? loader_->PrepareOther(stored, go_on) : loader_->Prepare(stored, go_on);
      return path.status();
    }));
    if (watch) Watch(known, *path);
    *result = GateResult();
    return RunAside([&] { return loader_->PassGate(*path, stored, live, terms.force, progress, result); });
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

absl::Status ModelManager::Impl::Warm(const ServedModel& model, const StoredVersion& version, const LoadTerms& terms,
                                      const ModelHandle& generation) {
  const StoredVersion stored = version;
  bool gave_up = false;
  const auto warm = [&](bool paced) {
    return RunAside([&] {
      generation->Prefault(paced ? options_.prefault_bytes_per_second : 0, [&] {
        gave_up = gave_up || !GoOn(stored, terms);
        return !gave_up && !(paced && hurry_);
      });
      return absl::OkStatus();
    });
  };
  // The pace spares requests. Where none can be answered they wait for this, and it may be so from one moment to the
  // next.
  hurry_ = model.serving == 0;
  if (!hurry_) RETURN_IF_ERROR(warm(/*paced=*/true));
  if (hurry_ && !gave_up) RETURN_IF_ERROR(warm(/*paced=*/false));
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
  if (state != VersionState::kFailed) known->retry_at = KnownVersion::kNoRetry;
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
