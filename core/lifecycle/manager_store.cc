// What the manager makes of the store: versions that came, changed or vanished.
#include <algorithm>
#include <utility>

#include "core/base/str_cat.h"
#include "core/bundle/model_folder.h"
#include "core/lifecycle/model_manager_impl.h"

namespace kindred {
namespace {

// From the first look at changed files of a version that failed to the next: they may still be being written.
constexpr std::chrono::milliseconds kSecondLook{500};

}  // namespace

absl::Status ModelManager::Impl::Scan() {
  next_scan_ = Clock::now() + options_.poll_interval;
  absl::StatusOr<std::vector<StoredVersion>> found = ScanModelStore(options_.store_dir);
  if (!found.ok()) {
    // What is loaded serves on.
    if (store_error_ != found.status().message()) {
      store_error_ = std::string(found.status().message());
      observer_.OnNote(store_error_, VersionStatus{});
    }
    return found.status();
  }
  store_error_.clear();
  RefuseFolders(&*found);
  for (auto& [name, model] : models_) {
    for (auto& [version, known] : model.versions) known.in_store = false;
  }
  for (const StoredVersion& stored : *found) Found(stored);
  for (auto entry = models_.begin(); entry != models_.end();) {
    ServedModel& model = entry->second;
    Forget(&model);
    ForgetPassedOver(&model);
    if (model.versions.empty() && model.published == nullptr) {
      table_.EraseModel(entry->first);
      entry = models_.erase(entry);
      continue;
    }
    Reconsider(&model);
    ++entry;
  }
  return absl::OkStatus();
}

void ModelManager::Impl::RefuseFolders(std::vector<StoredVersion>* found) {
  std::set<std::string> refused;
  std::erase_if(*found, [&](const StoredVersion& stored) {
    const absl::Status status = CheckModelFolder(stored.model);
    if (status.ok()) return false;
    if (refused.insert(stored.model).second && !refused_.contains(stored.model)) {
      observer_.OnNote(std::string(status.message()), VersionStatus{});
    }
    return true;
  });
  refused_ = std::move(refused);
}

void ModelManager::Impl::Found(const StoredVersion& stored) {
  const auto [place, is_new_model] = models_.try_emplace(stored.model);
  ServedModel& model = place->second;
  if (is_new_model) {
    model.name = stored.model;
    const auto policy = options_.policies.find(stored.model);
    model.policy = policy == options_.policies.end() ? options_.default_policy : policy->second;
  }
  const auto [entry, is_new] = model.versions.try_emplace(stored.version);
  KnownVersion& known = entry->second;
  known.stored = stored;
  known.in_store = true;
  known.told_vanished = false;
  table_.Add(stored.model, stored.version, stored.path);
  if (is_new) observer_.OnState(table_.Find(stored.model, stored.version));
  if (known.state == VersionState::kFailed) LookAgain(&known);
}

void ModelManager::Impl::LookAgain(KnownVersion* known) {
  const std::string& now = known->stored.signature;
  if (now == known->failed_signature) {
    known->changed_signature.clear();
  } else if (now == known->changed_signature) {
    known->backoff = std::chrono::milliseconds(0);
    Move(known, VersionState::kDiscovered);
  } else {
    known->changed_signature = now;
    next_scan_ = std::min(next_scan_, Clock::now() + kSecondLook);
  }
}

void ModelManager::Impl::Forget(ServedModel* model) {
  for (auto entry = model->versions.begin(); entry != model->versions.end();) {
    KnownVersion& known = entry->second;
    const auto next = std::next(entry);
    if (!known.in_store && known.ready()) {
      known.asked = false;
      const bool in_use = entry->first == model->serving || model->HasLabel(entry->first);
      if (in_use && !known.told_vanished) {
        known.told_vanished = true;
        observer_.OnNote(StrCat("the folder ", known.stored.path,
                                " is gone from the store; what was loaded from it "
                                "serves on, but not after the next start"),
                         table_.Find(model->name, entry->first));
      }
    } else if (!known.in_store && known.state != VersionState::kDraining) {
      table_.Erase(model->name, entry->first);
      model->versions.erase(entry);
    }
    entry = next;
  }
}

void ModelManager::Impl::ForgetPassedOver(ServedModel* model) {
  const bool any = std::any_of(model->versions.begin(), model->versions.end(),
                               [](const auto& entry) { return entry.second.in_store; });
  // A folder that is gone as a whole may come back as it was.
  if (!any) return;
  const std::vector<uint64_t> passed_over = decisions_[model->name].passed_over;
  std::erase_if(model->passed_over_files, [&](const auto& entry) {
    return !std::binary_search(passed_over.begin(), passed_over.end(), entry.first);
  });
  for (const uint64_t version : passed_over) {
    KnownVersion* known = model->Find(version);
    const bool loaded = known != nullptr && known->ready();
    // What answers requests stays what it is.
    if (loaded && (version == model->serving || model->HasLabel(version))) continue;
    if (known != nullptr && known->in_store) {
      const std::string& now = known->stored.signature;
      const auto [files, is_new] =
          model->passed_over_files.try_emplace(version, loaded ? known->loaded_signature : now);
      if (files->second == now) continue;
    }
    // Where that cannot be kept, the next look tries again.
    if (!Decide(model->name, NoLongerPassedOver(decisions_[model->name], version, model->Known())).ok()) continue;
    model->passed_over_files.erase(version);
    if (!loaded) continue;
    // Not the files that it was loaded from are the fix.
    Release(known);
    if (model->published != nullptr) Publish(model);
    Move(known, VersionState::kDraining);
  }
}

}  // namespace kindred
