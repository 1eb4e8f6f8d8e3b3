#include "core/lifecycle/version_table.h"

#include <cassert>

#include "core/base/str_cat.h"

namespace kindred {

void VersionTable::SetModel(const ModelStatus& model) {
  const std::lock_guard lock(mutex_);
  ModelStatus& status = models_[model.model].status;
  status = model;
  status.versions.clear();
}

void VersionTable::EraseModel(std::string_view model) {
  const std::lock_guard lock(mutex_);
  if (const auto found = models_.find(model); found != models_.end()) models_.erase(found);
}

void VersionTable::Add(std::string_view model, uint64_t version, const std::string& path) {
  const std::lock_guard lock(mutex_);
  Model& of_model = models_[std::string(model)];
  of_model.status.model = model;
  const auto [place, is_new] = of_model.versions.try_emplace(version);
  VersionStatus& status = place->second;
  status.path = path;
  if (!is_new) return;
  status.model = model;
  status.version = version;
  status.since = std::chrono::system_clock::now();
}

void VersionTable::Erase(std::string_view model, uint64_t version) {
  const std::lock_guard lock(mutex_);
  if (const auto found = models_.find(model); found != models_.end()) found->second.versions.erase(version);
}

void VersionTable::Change(std::string_view model, uint64_t version, const std::function<void(VersionStatus*)>& change) {
  const std::lock_guard lock(mutex_);
  change(&models_.find(model)->second.versions.at(version));
}

void VersionTable::Move(std::string_view model, uint64_t version, VersionState state, std::string_view reason) {
  Change(model, version, [state, reason](VersionStatus* status) {
    assert(MayFollow(status->state, state));
    status->state = state;
    status->reason = reason;
    status->since = std::chrono::system_clock::now();
    // Of one that failed they say where it did.
    if (state != VersionState::kFailed) {
      status->step.clear();
      status->progress = 0;
      status->poisoned = false;
    }
  });
}

VersionStatus VersionTable::Complete(const Model& model, const VersionStatus& version) {
  VersionStatus status = version;
  status.serving = status.version == model.status.serving_version;
  for (const LabelStatus& label : model.status.labels) {
    if (label.version == status.version) status.labels.push_back(label.label);
  }
  return status;
}

ModelStatus VersionTable::Complete(const Model& model) {
  ModelStatus status = model.status;
  for (const auto& [version, known] : model.versions) status.versions.push_back(Complete(model, known));
  return status;
}

VersionStatus VersionTable::Find(std::string_view model, uint64_t version) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = models_.find(model); found != models_.end()) {
    const auto known = found->second.versions.find(version);
    if (known != found->second.versions.end()) return Complete(found->second, known->second);
  }
  VersionStatus unknown;
  unknown.model = model;
  unknown.version = version;
  return unknown;
}

std::vector<ModelStatus> VersionTable::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStatus> all;
  for (const auto& [name, model] : models_) all.push_back(Complete(model));
  return all;
}

absl::StatusOr<ModelStatus> VersionTable::Get(std::string_view model) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = models_.find(model); found != models_.end()) return Complete(found->second);
  std::vector<std::string> names;
  for (const auto& entry : models_) names.push_back(entry.first);
  return absl::NotFoundError(
      StrCat("no model '", model, "'; there is ", names.empty() ? "none" : StrJoin(names, ", ")));
}

}  // namespace kindred
