#include "server/model_metrics.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/base/str_cat.h"

namespace kindred {
namespace {

constexpr std::array<VersionState, 7> kStates = {
    VersionState::kDiscovered, VersionState::kVerifying, VersionState::kWarming, VersionState::kReady,
    VersionState::kDraining,   VersionState::kGone,      VersionState::kFailed};

// There from the start, so that an alert sees the first of each.
constexpr std::array<std::string_view, 6> kDamageKinds = {"sigbus",  "modified",   "scrub",
                                                          "deleted", "unreadable", "ignored"};

MetricLabels Labels(const ModelStatus& model, const VersionStatus& version) {
  return {{"model", model.model}, {"version", StrCat(version.version)}};
}

void CollectStates(const std::vector<ModelStatus>& models, MetricFamilies* out) {
  auto state = Gauge(out, "kindred_model_version_state", "1 for the state that a version in the store is in, else 0.");
  for (const ModelStatus& model : models) {
    for (const VersionStatus& version : model.versions) {
      MetricLabels labels = Labels(model, version);
      labels.emplace_back("state", "");
      for (const VersionState one : kStates) {
        labels.back().second = std::string(VersionStateName(one));
        state.Add(labels, version.state == one ? 1 : 0);
      }
    }
  }
  auto serving = Gauge(out, "kindred_model_serving_version", "The version that serves; 0: none.");
  for (const ModelStatus& model : models) {
    serving.Add({{"model", model.model}}, static_cast<double>(model.serving_version));
  }
  const auto count = [](const ModelStatus& model, auto&& is_one) {
    return static_cast<double>(std::count_if(model.versions.begin(), model.versions.end(), is_one));
  };
  auto ready = Gauge(out, "kindred_model_versions_ready", "Versions that serve or can at once.");
  for (const ModelStatus& model : models) {
    ready.Add({{"model", model.model}}, count(model, [](const VersionStatus& version) {
                return version.state == VersionState::kReady && !version.poisoned;
              }));
  }
  auto damaged = Gauge(out, "kindred_model_versions_damaged", "Versions whose files changed while they were loaded.");
  for (const ModelStatus& model : models) {
    damaged.Add({{"model", model.model}}, count(model, [](const VersionStatus& version) { return version.poisoned; }));
  }
  auto failed = Gauge(out, "kindred_model_newest_version_failed",
                      "1 where the highest version in the store was refused or is damaged.");
  for (const ModelStatus& model : models) {
    const bool is_failed = !model.versions.empty() && model.versions.back().state == VersionState::kFailed;
    failed.Add({{"model", model.model}}, is_failed ? 1 : 0);
  }
}

void CollectCounts(const ModelsSnapshot& snapshot, MetricFamilies* out) {
  const ModelCounts none;
  const auto of = [&](const ModelStatus& model) -> const ModelCounts& {
    const auto found = snapshot.counts.find(model.model);
    return found == snapshot.counts.end() ? none : found->second;
  };
  auto loads = Counter(out, "kindred_model_loads_total", "Versions that were loaded, by what became of them.");
  for (const ModelStatus& model : snapshot.models) {
    loads.Add({{"model", model.model}, {"result", "ready"}}, static_cast<double>(of(model).loaded));
    loads.Add({{"model", model.model}, {"result", "refused"}}, static_cast<double>(of(model).refused));
  }
  auto swaps = Counter(out, "kindred_model_swaps_total", "Times that another version took over.");
  for (const ModelStatus& model : snapshot.models) {
    swaps.Add({{"model", model.model}}, static_cast<double>(of(model).swaps));
  }
  auto rollbacks = Counter(out, "kindred_model_rollbacks_total", "Of those, to a lower version.");
  for (const ModelStatus& model : snapshot.models) {
    rollbacks.Add({{"model", model.model}}, static_cast<double>(of(model).rollbacks));
  }
  auto damage = Counter(out, "kindred_model_damage_total", "Changes found in files of loaded versions, by kind.");
  for (const ModelStatus& model : snapshot.models) {
    for (const std::string_view kind : kDamageKinds) {
      const auto found = of(model).damage.find(kind);
      damage.Add({{"model", model.model}, {"kind", std::string(kind)}},
                 found == of(model).damage.end() ? 0 : static_cast<double>(found->second));
    }
  }
  Gauge(out, "kindred_model_loading", "1 while a version is being loaded or checked.").Add({}, snapshot.busy ? 1 : 0);
}

// Of versions in memory, which have been through the gate.
void CollectGate(const std::vector<ModelStatus>& models, MetricFamilies* out) {
  MetricFamilies load, overlap, own, live;
  auto load_family =
      Gauge(&load, "kindred_model_version_load_seconds", "What taking the version through every check cost.");
  auto overlap_family =
      Gauge(&overlap, "kindred_model_drift_overlap",
            "Mean share of the ten best items that the version had in common with the one that served.");
  auto own_family = Gauge(&own, "kindred_model_drift_own_rank",
                          "Mean percentile rank, 1 = first, of the items that users have touched.");
  auto live_family = Gauge(&live, "kindred_model_drift_live_own_rank", "The same under the version that served then.");
  for (const ModelStatus& model : models) {
    for (const VersionStatus& version : model.versions) {
      if (version.state != VersionState::kReady) continue;
      const MetricLabels labels = Labels(model, version);
      load_family.Add(labels, version.load_seconds);
      if (version.drift.subjects == 0) continue;
      overlap_family.Add(labels, version.drift.overlap);
      own_family.Add(labels, version.drift.own_rank);
      live_family.Add(labels, version.drift.live_own_rank);
    }
  }
  for (MetricFamilies* families : {&load, &overlap, &own, &live}) {
    if (!families->front().metric.empty()) out->push_back(std::move(families->front()));
  }
}

void CollectShadows(const std::vector<ShadowFigures>& shadows, MetricFamilies* out) {
  if (shadows.empty()) return;
  const auto labels = [](const ShadowFigures& shadow) -> MetricLabels {
    return {{"model", shadow.model}, {"version", shadow.version}};
  };
  auto answers =
      Counter(out, "kindred_shadow_answers_total", "Requests of the shadow's sample, by what became of them.");
  for (const ShadowFigures& shadow : shadows) {
    MetricLabels with_result = labels(shadow);
    with_result.emplace_back("result", "compared");
    answers.Add(with_result, static_cast<double>(shadow.compared));
    with_result.back().second = "failed";
    answers.Add(with_result, static_cast<double>(shadow.failed));
    with_result.back().second = "dropped";
    answers.Add(with_result, static_cast<double>(shadow.dropped));
  }
  auto overlap = Gauge(out, "kindred_shadow_overlap", "Mean share of a list's items that both versions give.");
  for (const ShadowFigures& shadow : shadows) overlap.Add(labels(shadow), shadow.overlap);
  auto shift =
      Gauge(out, "kindred_shadow_score_shift", "Mean relative difference of the scores of items in both lists.");
  for (const ShadowFigures& shadow : shadows) shift.Add(labels(shadow), shadow.score_shift);
  auto latency =
      Gauge(out, "kindred_shadow_latency_ratio", "CPU time of the shadow's answers over that of those given.");
  for (const ShadowFigures& shadow : shadows) latency.Add(labels(shadow), shadow.latency_ratio);
}

}  // namespace

void CollectVersions(const ModelsSnapshot& snapshot, MetricFamilies* out) {
  if (snapshot.models.empty()) return;
  CollectStates(snapshot.models, out);
  CollectCounts(snapshot, out);
  CollectGate(snapshot.models, out);
  CollectShadows(snapshot.shadows, out);
}

}  // namespace kindred
