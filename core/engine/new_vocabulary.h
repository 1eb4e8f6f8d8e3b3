// The ids of events that a model has no vector for: what its training has not met (requirement A12). Thread-safe
// without locks, in fixed memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/distinct_counter.h"
#include "core/engine/event_history.h"

namespace kindred {

class Model;

// The event's item when it is not in the catalogue; empty otherwise.
std::string_view NewItem(const Model& model, const EventView& event);

// The event's token when the model has tokens and not this one, "<action>_<item>" or, of an event without an action,
// the item; empty otherwise, and for actions that count nothing in the model's token spaces. `key` is working memory.
std::string_view NewToken(const Model& model, const EventView& event, std::string* key);

// Counts the distinct ones that requests brought to a model: 1 KiB to 128 KiB each for items and tokens.
class NewVocabulary {
 public:
  NewVocabulary(uint64_t n_items, uint64_t n_tokens);

  // Allocates only what `key` lacks. O(events).
  void Add(const Model& model, std::span<const EventView> events, std::string* key);

  double items() const { return items_.Estimate(); }
  double tokens() const { return tokens_ ? tokens_->Estimate() : 0; }

 private:
  DistinctCounter items_;
  std::optional<DistinctCounter> tokens_;  // of a model with tokens
};

}  // namespace kindred
