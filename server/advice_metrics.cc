#include "server/advice_metrics.h"

#include <algorithm>
#include <string>

#include "core/advice/retrain_advice.h"
#include "core/engine/new_vocabulary.h"

namespace kindred {

void CollectAdvice(const std::vector<ModelHandle>& models, int64_t now_ms, MetricFamilies* out) {
  constexpr double kSecondsPerDay = 86'400;
  MetricFamilies trained, newest, ratio, retrain, update;
  auto trained_family = Gauge(&trained, "kindred_model_age_seconds", "Time since the model was trained.");
  auto newest_family =
      Gauge(&newest, "kindred_model_newest_event_age_seconds", "Time since the newest event the model was made of.");
  auto ratio_family = Gauge(&ratio, "kindred_model_new_token_ratio",
                            "Distinct items or tokens of events in requests that the space has no vector for, by those "
                            "it has; an estimate.");
  auto retrain_family = Gauge(&retrain, "kindred_model_retrain_advised", "1 where the space should be trained again.");
  auto update_family =
      Gauge(&update, "kindred_model_update_advised", "1 where newer events should be taken in by kindred update.");
  for (const ModelHandle& model : models) {
    const NewVocabulary& met = model->new_vocabulary();
    const AdviceSignals signals = SignalsOf(*model, now_ms, met.items(), met.tokens());
    const Advice advice = AdviseRetraining(signals);
    const MetricLabels of_model = {{"model", model->name()}};
    if (signals.days_since_training) trained_family.Add(of_model, *signals.days_since_training * kSecondsPerDay);
    if (signals.days_since_newest_event) {
      newest_family.Add(of_model, *signals.days_since_newest_event * kSecondsPerDay);
      update_family.Add(of_model, advice.update ? 1 : 0);
    }
    for (const SpaceAdvice& space : advice.spaces) {
      MetricLabels labels = {{"model", model->name()}, {"space", space.signals.space}};
      if (space.new_ratio) ratio_family.Add(labels, *space.new_ratio);
      labels.emplace_back("reason", "");
      for (const RetrainReason reason : kRetrainReasons) {
        if (reason == RetrainReason::kDrift) continue;
        labels.back().second = std::string(RetrainReasonName(reason));
        const bool given = std::find(space.reasons.begin(), space.reasons.end(), reason) != space.reasons.end();
        retrain_family.Add(labels, given ? 1 : 0);
      }
    }
  }
  for (MetricFamilies* families : {&trained, &newest, &ratio, &retrain, &update}) {
    if (!families->front().metric.empty()) out->push_back(std::move(families->front()));
  }
}

}  // namespace kindred
