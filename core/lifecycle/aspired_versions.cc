#include "core/lifecycle/aspired_versions.h"

#include <algorithm>

namespace kindred {
namespace {

bool IsPassedOver(const ModelDecisions& decisions, uint64_t version) {
  return std::binary_search(decisions.passed_over.begin(), decisions.passed_over.end(), version);
}

bool Has(std::span<const uint64_t> versions, uint64_t version) {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

}  // namespace

AspiredVersions Aspire(const ModelPolicy& policy, const ModelDecisions& decisions, std::span<const uint64_t> known) {
  AspiredVersions aspired;
  ServingDecision decision = decisions.decision;
  aspired.decided = decisions.version;
  if (decision == ServingDecision::kNone) {
    decision = policy.pinned == 0 ? ServingDecision::kLatest : ServingDecision::kPinned;
    aspired.decided = policy.pinned;
  }
  if (decision == ServingDecision::kLatest) aspired.decided = 0;
  if (decision == ServingDecision::kPinned) aspired.policy = PolicyKind::kPinned;

  const auto takes_over = [&](uint64_t version) {
    if (decision == ServingDecision::kLatest) return true;
    return decision == ServingDecision::kVersion && version > decisions.newer_than && !IsPassedOver(decisions, version);
  };
  std::vector<uint64_t> passed_over;
  for (auto version = known.rbegin(); version != known.rend(); ++version) {
    if (*version == aspired.decided) continue;
    if (takes_over(*version)) {
      aspired.wanted.push_back(*version);
    } else {
      (IsPassedOver(decisions, *version) ? passed_over : aspired.fallback).push_back(*version);
    }
  }
  if (Has(known, aspired.decided)) aspired.wanted.push_back(aspired.decided);
  aspired.fallback.insert(aspired.fallback.end(), passed_over.begin(), passed_over.end());

  for (const auto& [label, version] : policy.labels) {
    const uint32_t share = label == "canary" ? policy.canary_share : label == "shadow" ? policy.shadow_share : 0;
    aspired.labels[label] = {version, share};
  }
  for (const auto& [label, decided] : decisions.labels) aspired.labels[label] = decided;
  std::erase_if(aspired.labels, [](const auto& entry) { return entry.second.version == 0; });
  return aspired;
}

uint64_t ChooseServing(const AspiredVersions& aspired, const ModelDecisions& decisions, uint64_t serving,
                       const std::function<bool(uint64_t)>& usable) {
  const auto first_usable = [&usable](const std::vector<uint64_t>& versions) {
    const auto found = std::find_if(versions.begin(), versions.end(), usable);
    return found == versions.end() ? 0 : *found;
  };
  if (const uint64_t wanted = first_usable(aspired.wanted); wanted != 0) return wanted;
  if (serving != 0 && !IsPassedOver(decisions, serving)) return serving;
  const uint64_t fallback = first_usable(aspired.fallback);
  // One that was passed over is no better than another that serves already.
  if (serving != 0 && (fallback == 0 || IsPassedOver(decisions, fallback))) return serving;
  return fallback;
}

ModelDecisions Activated(ModelDecisions decisions, uint64_t version, bool pin, std::span<const uint64_t> known) {
  decisions.decision = pin ? ServingDecision::kPinned : ServingDecision::kVersion;
  decisions.version = version;
  decisions.newer_than = std::max(version, known.empty() ? 0 : known.back());
  std::erase(decisions.passed_over, version);
  return WithServed(std::move(decisions), version);
}

ModelDecisions RolledBack(ModelDecisions decisions, uint64_t from, uint64_t to, std::span<const uint64_t> known) {
  decisions = Activated(std::move(decisions), to, false, known);
  std::vector<uint64_t>& passed_over = decisions.passed_over;
  const auto place = std::lower_bound(passed_over.begin(), passed_over.end(), from);
  if (from != 0 && (place == passed_over.end() || *place != from)) passed_over.insert(place, from);
  return decisions;
}

ModelDecisions NoLongerPassedOver(ModelDecisions decisions, uint64_t version, std::span<const uint64_t> known) {
  std::erase(decisions.passed_over, version);
  if (decisions.decision != ServingDecision::kVersion || version > decisions.newer_than) return decisions;
  uint64_t newer_than = decisions.version;
  for (const uint64_t other : known) {
    const bool still_there = other <= decisions.newer_than && other != version && !IsPassedOver(decisions, other);
    if (still_there) newer_than = std::max(newer_than, other);
  }
  decisions.newer_than = newer_than;
  return decisions;
}

ModelDecisions Following(ModelDecisions decisions) {
  decisions.decision = ServingDecision::kLatest;
  decisions.version = decisions.newer_than = 0;
  decisions.passed_over.clear();
  return decisions;
}

ModelDecisions WithServed(ModelDecisions decisions, uint64_t version) {
  std::erase(decisions.served, version);
  decisions.served.insert(decisions.served.begin(), version);
  if (decisions.served.size() > kMaxServed) decisions.served.resize(kMaxServed);
  return decisions;
}

std::vector<uint64_t> RollbackTargets(const ModelDecisions& decisions, uint64_t serving) {
  std::vector<uint64_t> targets = decisions.served;
  std::erase_if(targets, [&](uint64_t version) { return version == serving || IsPassedOver(decisions, version); });
  return targets;
}

}  // namespace kindred
