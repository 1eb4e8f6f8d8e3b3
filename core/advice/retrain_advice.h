// When a model should be trained again (requirement A12): one rule, for `kindred advise` and for the server's metrics.
// Pure functions, thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/model.h"

namespace kindred {

struct AdviceRules {
  double max_new_ratio = 0.05;  // distinct new ids / known ones
  double retrain_days = 7;      // since the training, of families that learn vectors
  double update_days = 1;       // since the newest event, of what is aggregated: profiles, popularity
  double max_drift = 0.1;       // mean cosine distance to another bundle (A13)
};

enum class RetrainReason : uint8_t {
  kNewTokens,      // too many ids that the training has not met
  kAge,            // trained too long ago
  kDrift,          // too far from another bundle
  kAfterItem2vec,  // made after item2vec, which should be retrained
  kParts,          // a blend of a space that should be retrained
};
inline constexpr std::array kRetrainReasons = {RetrainReason::kNewTokens, RetrainReason::kAge, RetrainReason::kDrift,
                                               RetrainReason::kAfterItem2vec, RetrainReason::kParts};
std::string_view RetrainReasonName(RetrainReason reason);  // "new_tokens", "age", "drift", "after_item2vec", "parts"

// What is known of a space; absent is not known, and gives no reason.
struct SpaceSignals {
  std::string space, family;
  std::vector<std::string> parts{};  // of a blend
  bool tokens = false;               // whether its vocabulary is tokens, else items
  uint64_t vocabulary = 0;           // known ids
  std::optional<double> new_ids{};   // distinct new ones
  std::optional<double> drift{};     // mean cosine distance
};

struct AdviceSignals {
  std::optional<double> days_since_training{}, days_since_newest_event{};
  std::vector<SpaceSignals> spaces{};
};

struct SpaceAdvice {
  SpaceSignals signals;
  std::optional<double> new_ratio;     // new ids / vocabulary
  std::vector<RetrainReason> reasons;  // in the order of kRetrainReasons; empty: no need

  bool retrain() const { return !reasons.empty(); }
};

struct Advice {
  bool update = false;  // aggregate newer events (kindred update)
  std::vector<SpaceAdvice> spaces;

  bool retrain() const;
};

// The rule. A space should be retrained when its new ids are more than max_new_ratio of the known; when its family
// learns vectors (all but `popular`, an aggregate, and blends) and the training is more than retrain_days ago; when it
// drifted by more than max_drift; `nmf` and `traits` also when a space of `item2vec` should be; a blend when one of its
// parts should be. An update is due when the newest event is more than update_days ago.
Advice AdviseRetraining(AdviceSignals signals, const AdviceRules& rules = {});

// When a bundle was trained and the newest event it was made of, in milliseconds since 1970; what it does not say is
// absent. A bundle made by `kindred update` keeps the time of its training.
struct TrainingTimes {
  std::optional<int64_t> trained_ms, newest_event_ms;
};
TrainingTimes ReadTrainingTimes(const BundleInfo& info);

// The signals of a loaded model at `now_ms`, given how many distinct new items and tokens it met (absent: not counted).
AdviceSignals SignalsOf(const Model& model, int64_t now_ms, std::optional<double> new_items,
                        std::optional<double> new_tokens);

}  // namespace kindred
