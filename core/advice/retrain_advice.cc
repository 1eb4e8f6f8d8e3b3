#include "core/advice/retrain_advice.h"

#include <algorithm>
#include <map>

#include "core/engine/new_vocabulary.h"

namespace kindred {
namespace {

constexpr double kMsPerDay = 86'400'000.0;

// Whether the family learns vectors from behaviour, which go stale.
bool Learns(const SpaceSignals& space) { return space.family != "popular" && space.parts.empty(); }

bool FollowsItem2vec(const SpaceSignals& space) { return space.family == "nmf" || space.family == "traits"; }

bool Retrains(const Advice& advice, std::string_view space) {
  return std::any_of(advice.spaces.begin(), advice.spaces.end(),
                     [&](const SpaceAdvice& other) { return other.signals.space == space && other.retrain(); });
}

}  // namespace

std::string_view RetrainReasonName(RetrainReason reason) {
  switch (reason) {
    case RetrainReason::kNewTokens:
      return "new_tokens";
    case RetrainReason::kAge:
      return "age";
    case RetrainReason::kDrift:
      return "drift";
    case RetrainReason::kAfterItem2vec:
      return "after_item2vec";
    case RetrainReason::kParts:
      return "parts";
  }
  return "parts";
}

bool Advice::retrain() const {
  return std::any_of(spaces.begin(), spaces.end(), [](const SpaceAdvice& space) { return space.retrain(); });
}

Advice AdviseRetraining(AdviceSignals signals, const AdviceRules& rules) {
  Advice out;
  out.update = signals.days_since_newest_event.value_or(0) > rules.update_days;
  out.spaces.reserve(signals.spaces.size());
  const bool old = signals.days_since_training.value_or(0) > rules.retrain_days;
  for (SpaceSignals& space : signals.spaces) {
    SpaceAdvice advice;
    if (space.new_ids && space.vocabulary > 0) {
      advice.new_ratio = *space.new_ids / static_cast<double>(space.vocabulary);
    }
    if (advice.new_ratio.value_or(0) > rules.max_new_ratio) advice.reasons.push_back(RetrainReason::kNewTokens);
    if (old && Learns(space)) advice.reasons.push_back(RetrainReason::kAge);
    if (space.drift.value_or(0) > rules.max_drift) advice.reasons.push_back(RetrainReason::kDrift);
    advice.signals = std::move(space);
    out.spaces.push_back(std::move(advice));
  }
  const bool item2vec = std::any_of(out.spaces.begin(), out.spaces.end(), [](const SpaceAdvice& space) {
    return space.signals.family == "item2vec" && space.retrain();
  });
  for (SpaceAdvice& space : out.spaces) {
    if (item2vec && FollowsItem2vec(space.signals)) space.reasons.push_back(RetrainReason::kAfterItem2vec);
  }
  for (SpaceAdvice& space : out.spaces) {
    const auto& parts = space.signals.parts;
    if (std::any_of(parts.begin(), parts.end(), [&](const std::string& part) { return Retrains(out, part); })) {
      space.reasons.push_back(RetrainReason::kParts);
    }
  }
  return out;
}

AdviceSignals SignalsOf(const Model& model, int64_t now_ms, std::optional<double> new_items,
                        std::optional<double> new_tokens) {
  const TrainingTimes times = ReadTrainingTimes(model.info());
  const auto days_since = [&](std::optional<int64_t> then_ms) -> std::optional<double> {
    if (!then_ms) return std::nullopt;
    return std::max(0.0, static_cast<double>(now_ms - *then_ms) / kMsPerDay);
  };
  AdviceSignals out{days_since(times.trained_ms), days_since(times.newest_event_ms)};
  out.spaces.reserve(model.spaces().size());
  for (const auto& space : model.spaces()) {
    SpaceSignals signals{.space = space->name, .family = space->spec.family};
    for (const BlendPart& part : space->spec.parts) signals.parts.push_back(part.space);
    // A blend has no vocabulary of its own.
    if (signals.parts.empty()) {
      signals.tokens = space->has_tokens;
      signals.vocabulary = space->has_tokens ? model.token_ids().size() : model.n_items();
      signals.new_ids = space->has_tokens ? new_tokens : new_items;
    }
    out.spaces.push_back(std::move(signals));
  }
  return out;
}

}  // namespace kindred
