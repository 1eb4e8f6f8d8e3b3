// What operators ask for.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/lifecycle/model_manager_impl.h"

namespace kindred {
namespace {

using Kind = ManagerTask::Kind;

absl::Status CheckLabel(const ManagerTask& task) {
  const std::string& label = task.label;
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  const bool well_formed = !label.empty() && label.size() <= 64 && std::all_of(label.begin(), label.end(), is_allowed);
  if (!well_formed) {
    return absl::InvalidArgumentError("label: expected 1 to 64 letters, digits, '-', '_' and '.'");
  }
  if (label.find_first_not_of("0123456789") == std::string::npos) {
    return absl::InvalidArgumentError(
        StrCat("label '", label, "' is a number; models are asked for by version that way"));
  }
  if (label == "stable") {
    return absl::InvalidArgumentError("label 'stable' is the version that serves; activate one instead");
  }
  const bool has_share = label == "canary" || label == "shadow";
  if (task.share > (has_share ? kWholeShare : 0)) {
    return absl::InvalidArgumentError(StrCat("share: expected 0 to ", kWholeShare,
                                             " for 'canary' and 'shadow', and 0 for other labels, found ", task.share));
  }
  return absl::OkStatus();
}

}  // namespace

void ModelManager::Impl::Cancel(ManagerTask* task) {
  VersionStatus version;
  version.model = task->model;
  version.version = task->version;
  if (task->done) task->done(absl::CancelledError("the server stops"), version);
}

void ModelManager::Impl::Perform(ManagerTask* task) {
  // Of what was published a moment ago. What is wrong with the store is told by what is then not found.
  (void)Scan();
  const auto found = models_.find(task->model);
  ServedModel* model = found == models_.end() ? nullptr : &found->second;
  absl::Status status;
  VersionStatus outcome;
  if (model == nullptr) {
    status = table_.Get(task->model).status();
  } else {
    switch (task->kind) {
      case Kind::kLoad:
        status = CheckVersion(*model, task->version);
        if (status.ok()) status = MakeReady(model, task->version, {.force = task->force});
        if (status.ok() && task->version != model->serving) model->Find(task->version)->asked = true;
        if (status.ok() && model->published != nullptr) Publish(model);
        break;
      case Kind::kValidate:
        status = DoValidate(model, *task, &outcome);
        break;
      case Kind::kActivate:
        status = DoActivate(model, *task);
        break;
      case Kind::kFollow:
        status = DoFollow(model);
        break;
      case Kind::kRollback:
        status = DoRollback(model, *task);
        break;
      case Kind::kUnload:
        status = DoUnload(model, *task);
        break;
      case Kind::kSetLabel:
        status = DoSetLabel(model, *task);
        break;
    }
  }
  if (outcome.model.empty()) {
    const bool of_serving = task->kind == Kind::kFollow || task->kind == Kind::kRollback;
    outcome = table_.Find(task->model, of_serving && model != nullptr ? model->serving : task->version);
  }
  const std::vector<ManagerTask> same = queue_.TakeSame(*task);
  if (task->done) task->done(status, outcome);
  for (const ManagerTask& joined : same) {
    if (joined.done) joined.done(status, outcome);
  }
}

absl::Status ModelManager::Impl::CheckVersion(const ServedModel& model, uint64_t version) const {
  const KnownVersion* known = model.Find(version);
  if (known != nullptr && (known->in_store || known->ready())) return absl::OkStatus();
  std::vector<uint64_t> versions = model.Known();
  // The newest are what someone may have meant.
  if (versions.size() > 10) versions.erase(versions.begin(), versions.end() - 10);
  return absl::NotFoundError(
      absl::StrFormat("no version %d of model '%s' under '%s'; there %s", version, model.name, options_.store_dir,
                      versions.empty() ? std::string("is none") : StrCat("are ", StrJoin(versions, ", "))));
}

absl::Status ModelManager::Impl::DoValidate(ServedModel* model, const ManagerTask& task, VersionStatus* outcome) {
  RETURN_IF_ERROR(CheckVersion(*model, task.version));
  KnownVersion& known = *model->Find(task.version);
  const VersionStatus before = table_.Find(model->name, task.version);
  GateResult result;
  const ModelHandle live = model->serving == 0 ? nullptr : model->published;
  absl::Status status = PassGateAside(live, &known, {.force = task.force}, /*watch=*/false, &result);
  NoteResult(known, result);
  *outcome = table_.Find(model->name, task.version);
  outcome->reason = status.ok() ? "" : std::string(status.message());
  // What the version is otherwise known for stays.
  table_.Change(model->name, task.version, [&before](VersionStatus* now) {
    now->step = before.step;
    now->progress = before.progress;
    now->digest = before.digest;
    now->bytes = before.bytes;
    now->load_seconds = before.load_seconds;
    now->golden_queries = before.golden_queries;
    now->drift = before.drift;
    now->memory = before.memory;
  });
  clean_due_ = true;
  return status;
}

absl::Status ModelManager::Impl::DoActivate(ServedModel* model, const ManagerTask& task) {
  RETURN_IF_ERROR(CheckVersion(*model, task.version));
  RETURN_IF_ERROR(MakeReady(model, task.version, {.force = task.force}));
  absl::Status decided =
      Decide(model->name, Activated(decisions_[model->name], task.version, task.pin, model->Known()));
  if (decided.ok() && model->serving != task.version) Serve(model, task.version, model->serving);
  // Also where nothing was decided: it was loaded for that.
  if (model->published != nullptr) Publish(model);
  return decided;
}

absl::Status ModelManager::Impl::DoFollow(ServedModel* model) {
  RETURN_IF_ERROR(Decide(model->name, Following(decisions_[model->name])));
  const uint64_t highest = model->aspired.wanted.empty() ? 0 : model->aspired.wanted.front();
  while (!stopping_ && model->serving != highest && Advance(model, /*gives_way=*/false)) {
  }
  if (stopping_) return absl::CancelledError("the server stops");
  const KnownVersion* known = model->Find(highest);
  if (model->serving != highest && known != nullptr && known->state == VersionState::kFailed && !known->refusal.ok()) {
    return absl::Status(known->refusal.code(),
                        StrCat(std::string(known->refusal.message()), "; the latest version is followed, but ",
                               model->serving == 0 ? std::string("none serves") : StrCat(model->serving, " serves")));
  }
  if (model->serving != 0) return absl::OkStatus();
  return absl::NotFoundError(StrCat("no version of model '", model->name, "' could be loaded"));
}

absl::Status ModelManager::Impl::DoRollback(ServedModel* model, const ManagerTask& task) {
  const uint64_t left = task.version;
  // It was left already, by the same rollback asked before or otherwise.
  if (left != 0 && model->serving != 0 && model->serving != left) return absl::OkStatus();
  const uint64_t from = model->serving != 0 ? model->serving : left;
  std::string refused;
  for (const uint64_t target : RollbackTargets(decisions_[model->name], from)) {
    const KnownVersion* known = model->Find(target);
    const bool good =
        known != nullptr && (known->ready() || (known->in_store && known->state != VersionState::kFailed));
    if (!good) continue;
    // It has served: however far it is from what serves now, it is wanted.
    absl::Status ready = MakeReady(model, target, {.force = true});
    if (absl::IsCancelled(ready)) return ready;
    if (!ready.ok()) {
      StrAppend(&refused, "; version ", target, " was refused: ", std::string(ready.message()));
      continue;
    }
    RETURN_IF_ERROR(Decide(model->name, RolledBack(decisions_[model->name], from, target, model->Known())));
    if (model->serving != target) Serve(model, target, from);
    Publish(model);
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrFormat("model '%s' has no good version that served before %s; activate one by its number%s", model->name,
                      from == 0 ? std::string("the one that was lost") : StrCat("version ", from), refused));
}

absl::Status ModelManager::Impl::DoUnload(ServedModel* model, const ManagerTask& task) {
  RETURN_IF_ERROR(CheckVersion(*model, task.version));
  if (task.version == model->serving) {
    return absl::FailedPreconditionError(
        absl::StrFormat("version %d of model '%s' serves; activate another one first", task.version, model->name));
  }
  if (model->HasLabel(task.version)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "version %d of model '%s' has a label; give that to another version first", task.version, model->name));
  }
  KnownVersion& known = *model->Find(task.version);
  if (!known.ready()) return absl::OkStatus();
  known.unloaded = true;
  Release(&known);
  if (model->published != nullptr) Publish(model);
  Move(&known, VersionState::kDraining);
  return absl::OkStatus();
}

absl::Status ModelManager::Impl::DoSetLabel(ServedModel* model, const ManagerTask& task) {
  RETURN_IF_ERROR(CheckLabel(task));
  ModelDecisions decisions = decisions_[model->name];
  decisions.labels[task.label] = {task.version, task.version == 0 ? 0 : task.share};
  if (task.version == 0) {
    // Nothing to say against where the configuration has no such label.
    if (!model->policy.labels.contains(task.label)) decisions.labels.erase(task.label);
  } else {
    RETURN_IF_ERROR(CheckVersion(*model, task.version));
    RETURN_IF_ERROR(MakeReady(model, task.version, {.force = task.force}));
    decisions = decisions_[model->name];  // a fault while it loaded may have changed what served
    decisions.labels[task.label] = {task.version, task.share};
  }
  absl::Status decided = Decide(model->name, std::move(decisions));
  if (model->published != nullptr) Publish(model);
  return decided;
}

}  // namespace kindred
