// Retrain advice as metrics: core/advice over what bundles say and what requests brought.
#pragma once

#include <cstdint>
#include <vector>

#include "core/lifecycle/model_registry.h"
#include "server/metric_families.h"

namespace kindred {

// Appends kindred_model_age_seconds, kindred_model_newest_event_age_seconds, kindred_model_new_token_ratio,
// kindred_model_retrain_advised and kindred_model_update_advised of every model; a figure that a bundle does not say is
// left out. No series for drift: that takes a second bundle (kindred diff, kindred advise --against).
void CollectAdvice(const std::vector<ModelHandle>& models, int64_t now_ms, MetricFamilies* out);

}  // namespace kindred
