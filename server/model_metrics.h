// Metrics of the models' versions: their states, loads, swaps, damage, drift and the shadow's comparison.
#pragma once

#include <vector>

#include "core/lifecycle/version_status.h"
#include "server/metric_families.h"
#include "server/model_events.h"
#include "server/shadow_scorer.h"

namespace kindred {

// Taken at one moment.
struct ModelsSnapshot {
  std::vector<ModelStatus> models;  // by name
  ModelEvents::Counts counts;
  std::vector<ShadowFigures> shadows;
  bool busy = false;  // something is being loaded
};

void CollectVersions(const ModelsSnapshot& snapshot, MetricFamilies* out);

}  // namespace kindred
