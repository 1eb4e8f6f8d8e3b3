// From ready to serving: steps towards what is aspired, publication, and what operators decided.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/lifecycle/model_manager_impl.h"

namespace kindred {
namespace {

bool IsUsable(const KnownVersion* known) {
  return known != nullptr && (known->ready() || (known->in_store && known->state != VersionState::kFailed));
}

bool AreSame(const ModelRoutes& a, const ModelRoutes& b) {
  return a.serving == b.serving && a.others == b.others && a.labels == b.labels && a.canary == b.canary &&
         a.canary_share == b.canary_share && a.shadow == b.shadow && a.shadow_share == b.shadow_share;
}

}  // namespace

bool ModelManager::Impl::AdvanceOne() {
  for (auto& [name, model] : models_) {
    if (Advance(&model, /*gives_way=*/true)) return true;
  }
  return AdvanceSpares();
}

bool ModelManager::Impl::Advance(ServedModel* model, bool gives_way) {
  Reconsider(model);
  const uint64_t target = ChooseServing(model->aspired, decisions_[model->name], model->serving,
                                        [model](uint64_t version) { return IsUsable(model->Find(version)); });
  if (target != 0 && target != model->serving) {
    if (MakeReady(model, target, {.gives_way = gives_way}).ok()) {
      // A fault while it loaded may have made it serve already.
      if (model->serving != target) Serve(model, target, model->serving);
      NoteSubstitute(model);
    }
    return true;
  }
  if (AdvanceLabels(model, gives_way)) return true;
  if (model->published != nullptr) Publish(model);
  NoteSubstitute(model);
  NoteLabels(model);
  return false;
}

bool ModelManager::Impl::AdvanceLabels(ServedModel* model, bool gives_way) {
  for (const auto& [label, decision] : model->aspired.labels) {
    const KnownVersion* known = model->Find(decision.version);
    if (!IsUsable(known) || known->ready()) continue;
    // What an operator gave a label has passed, or was forced, once.
    const bool force = decisions_[model->name].labels.contains(label);
    const absl::Status ready = MakeReady(model, decision.version, {.force = force, .gives_way = gives_way});
    if (ready.ok() && model->published != nullptr) Publish(model);
    return true;
  }
  return false;
}

void ModelManager::Impl::Reconsider(ServedModel* model) {
  model->aspired = Aspire(model->policy, decisions_[model->name], model->Known());
  table_.SetModel(model->Status());
}

void ModelManager::Impl::Serve(ServedModel* model, uint64_t version, uint64_t before) {
  KnownVersion& known = *model->Find(version);
  model->serving = version;
  model->published = known.model;
  known.asked = false;
  ModelDecisions& decisions = decisions_[model->name];
  ModelDecisions served = WithServed(decisions, version);
  const bool changed = served != decisions;
  decisions = std::move(served);
  Publish(model);
  observer_.OnServing(table_.Find(model->name, version), before);
  // After the fact, and not for everything: that a rollback finds its way after a restart.
  if (changed && !options_.state_dir.empty()) {
    if (const absl::Status written = WriteDecisions(options_.state_dir, decisions_); !written.ok()) {
      observer_.OnNote(StrCat("what served is not kept, so that a rollback after a restart may not find it: ",
                              std::string(written.message())),
                       table_.Find(model->name, version));
    }
  }
}

void ModelManager::Impl::Publish(ServedModel* model) {
  table_.SetModel(model->Status());
  const ModelDecisions& decisions = decisions_[model->name];
  std::vector<KnownVersion*> released;
  for (const uint64_t version : NotNeeded(*model, decisions, options_.keep_ready)) {
    released.push_back(model->Find(version));
    Release(released.back());
  }
  ModelRoutes routes = MakeRoutes(*model, decisions);
  const auto table = registry_.Snapshot();
  const auto current = table->find(routes.serving->name());
  if (current == table->end() || !AreSame(*current->second, routes)) registry_.Publish(std::move(routes));
  for (KnownVersion* known : released) Move(known, VersionState::kDraining);
}

void ModelManager::Impl::Release(KnownVersion* known) {
  known->draining = known->model;
  known->asked = false;
  leaving_.push_back(std::move(known->model));
}

void ModelManager::Impl::NoteSubstitute(ServedModel* model) {
  const uint64_t decided = model->aspired.decided, serving = model->serving;
  const std::vector<uint64_t>& wanted = model->aspired.wanted;
  const bool substitute =
      decided != 0 && serving != 0 && std::find(wanted.begin(), wanted.end(), serving) == wanted.end();
  if (!substitute) {
    model->noted = 0;
    return;
  }
  if (model->noted == serving) return;
  model->noted = serving;
  const KnownVersion* known = model->Find(decided);
  const VersionStatus status = table_.Find(model->name, decided);
  observer_.OnNote(
      absl::StrFormat("version %d of '%s' should serve but %s; version %d serves in its place", decided, model->name,
                      known == nullptr || !known->in_store ? std::string("is not in the store")
                                                           : StrCat("is not good: ", status.reason),
                      serving),
      status);
}

void ModelManager::Impl::NoteLabels(ServedModel* model) {
  for (const auto& [label, decision] : model->aspired.labels) {
    const KnownVersion* known = model->Find(decision.version);
    if (known != nullptr && known->ready()) {
      model->noted_labels.erase(label);
      continue;
    }
    uint64_t& noted = model->noted_labels[label];
    if (noted == decision.version) continue;
    noted = decision.version;
    const VersionStatus status = table_.Find(model->name, decision.version);
    observer_.OnNote(
        absl::StrFormat("label '%s' of '%s' is of version %d, which %s: nothing answers for the label", label,
                        model->name, decision.version,
                        known == nullptr || !known->in_store ? std::string("is not in the store")
                                                             : StrCat("cannot be loaded: ", status.reason)),
        status);
  }
}

absl::Status ModelManager::Impl::Decide(const std::string& model, ModelDecisions decisions) {
  Decisions all = decisions_;
  all[model] = std::move(decisions);
  if (!options_.state_dir.empty()) {
    if (const absl::Status written = WriteDecisions(options_.state_dir, all); !written.ok()) {
      return absl::Status(written.code(),
                          StrCat("nothing was changed, since it could not be kept: ", std::string(written.message())));
    }
  }
  decisions_ = std::move(all);
  Reconsider(&models_.find(model)->second);
  return absl::OkStatus();
}

}  // namespace kindred
