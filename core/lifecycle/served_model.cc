#include "core/lifecycle/served_model.h"

#include <algorithm>

namespace kindred {
namespace {

// Versions that are ready and do not serve, as ModelRoutes::others has them.
std::vector<uint64_t> OtherVersions(const ServedModel& model, const ModelDecisions& decisions) {
  std::vector<uint64_t> others;
  const auto add = [&](uint64_t version) {
    const KnownVersion* known = model.Find(version);
    if (known == nullptr || !known->ready() || known->model->poisoned() || version == model.serving) return;
    if (std::find(others.begin(), others.end(), version) == others.end()) others.push_back(version);
  };
  for (const uint64_t version : decisions.served) add(version);
  for (auto entry = model.versions.rbegin(); entry != model.versions.rend(); ++entry) add(entry->first);
  std::stable_partition(others.begin(), others.end(), [&](uint64_t version) {
    return !std::binary_search(decisions.passed_over.begin(), decisions.passed_over.end(), version);
  });
  return others;
}

// Versions in the store that are or may become ready to go back to, best first.
std::vector<uint64_t> Spares(const ServedModel& model, const ModelDecisions& decisions) {
  const auto is_good = [&model](uint64_t version) {
    const KnownVersion* known = model.Find(version);
    return known != nullptr && known->in_store && known->state != VersionState::kFailed && version != model.serving;
  };
  std::vector<uint64_t> spares = RollbackTargets(decisions, model.serving);
  std::erase_if(spares, [&](uint64_t version) { return !is_good(version); });
  if (!spares.empty()) return spares;
  for (auto entry = model.versions.rbegin(); entry != model.versions.rend(); ++entry) {
    const bool passed_over =
        std::binary_search(decisions.passed_over.begin(), decisions.passed_over.end(), entry->first);
    if (entry->first < model.serving && is_good(entry->first) && !passed_over) spares.push_back(entry->first);
  }
  return spares;
}

}  // namespace

const KnownVersion* ServedModel::Find(uint64_t version) const {
  const auto found = versions.find(version);
  return found == versions.end() ? nullptr : &found->second;
}

KnownVersion* ServedModel::Find(uint64_t version) {
  const auto found = versions.find(version);
  return found == versions.end() ? nullptr : &found->second;
}

std::vector<uint64_t> ServedModel::Known() const {
  std::vector<uint64_t> known;
  for (const auto& [version, entry] : versions) {
    if (entry.in_store || entry.ready()) known.push_back(version);
  }
  return known;
}

bool ServedModel::HasLabel(uint64_t version) const {
  return std::any_of(aspired.labels.begin(), aspired.labels.end(),
                     [version](const auto& entry) { return entry.second.version == version; });
}

ModelStatus ServedModel::Status() const {
  ModelStatus status;
  status.model = name;
  status.policy = aspired.policy;
  status.serving_version = serving;
  for (const auto& [label, decision] : aspired.labels) {
    status.labels.push_back({label, decision.version, decision.share});
  }
  return status;
}

ModelRoutes MakeRoutes(const ServedModel& model, const ModelDecisions& decisions) {
  ModelRoutes routes;
  routes.serving = model.published;
  for (const uint64_t version : OtherVersions(model, decisions)) {
    routes.others.push_back(model.Find(version)->model);
  }
  for (const auto& [label, decision] : model.aspired.labels) {
    const KnownVersion* known = model.Find(decision.version);
    if (known == nullptr || !known->ready()) continue;
    routes.labels[label] = known->model;
    // The version that serves is no candidate.
    if (known->model == model.published) continue;
    if (label == "canary" && decision.share > 0) {
      routes.canary = known->model;
      routes.canary_share = decision.share;
    }
    if (label == "shadow" && decision.share > 0) {
      routes.shadow = known->model;
      routes.shadow_share = decision.share;
    }
  }
  routes.labels["stable"] = model.published;
  return routes;
}

std::vector<uint64_t> NotNeeded(const ServedModel& model, const ModelDecisions& decisions, int keep_ready) {
  std::vector<uint64_t> not_needed;
  const std::vector<uint64_t> spares = Spares(model, decisions);
  const auto among = [](const std::vector<uint64_t>& versions, uint64_t version) {
    return std::find(versions.begin(), versions.end(), version) != versions.end();
  };
  int kept = 0;
  for (const uint64_t version : OtherVersions(model, decisions)) {
    const KnownVersion& known = *model.Find(version);
    const bool to_go_back_to =
        known.in_store && kept < keep_ready && (among(decisions.served, version) || among(spares, version));
    if (to_go_back_to) ++kept;
    if (!to_go_back_to && !model.HasLabel(version) && !known.asked) not_needed.push_back(version);
  }
  return not_needed;
}

uint64_t NextSpare(const ServedModel& model, const ModelDecisions& decisions, int keep_ready) {
  if (model.serving == 0) return 0;
  int kept = 0;
  for (const uint64_t version : Spares(model, decisions)) {
    if (kept >= keep_ready) return 0;
    const KnownVersion& known = *model.Find(version);
    if (known.ready() || known.unloaded) {
      ++kept;
    } else if (!known.spare_refused) {
      return version;
    }
  }
  return 0;
}

uint64_t BestReady(const ServedModel& model, const ModelDecisions& decisions) {
  const std::vector<uint64_t> others = OtherVersions(model, decisions);
  for (const uint64_t version : model.aspired.wanted) {
    if (std::find(others.begin(), others.end(), version) != others.end()) return version;
  }
  return others.empty() ? 0 : others.front();
}

}  // namespace kindred
