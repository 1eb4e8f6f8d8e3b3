// What `kindred advise` says of a bundle: the rule of core/advice over events that came since, and over another bundle.
// Plain values; functions are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/advice/retrain_advice.h"
#include "trainer/data/event_log.h"

namespace kindred {

// Distinct ids of events that a model has no vector for, as a training would count them.
struct NewIds {
  uint64_t events = 0;                       // given
  uint64_t newer_events = 0;                 // after the newest event that the bundle was made of, where times say so
  uint64_t items = 0, tokens = 0;            // new
  uint64_t rare_items = 0, rare_tokens = 0;  // left out: rarer than the training takes
};

// Rarer ones are left out by the training: items with fewer users, tokens with fewer events.
struct VocabularyLimits {
  uint32_t min_item_users = 1;
  uint32_t min_token_events = 1;
};

// The limits that the bundle remembers of its training; 1 where it says none.
VocabularyLimits RememberedLimits(const BundleInfo& info);

// O(events).
NewIds CountNewIds(const Model& model, const EventLog& events, const VocabularyLimits& limits);

struct AdviceReport {
  std::string path, model, version, digest, against;
  int64_t now_ms = 0;
  TrainingTimes times;
  AdviceSignals signals;
  std::optional<NewIds> counted;  // absent without events
  Advice advice;
  AdviceRules rules;
};

// A report for people; one JSON object.
std::string AdviceText(const AdviceReport& report);
std::string AdviceJson(const AdviceReport& report);

}  // namespace kindred
