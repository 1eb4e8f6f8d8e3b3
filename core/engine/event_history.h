// A subject's events as the fold-ins take them: weighted by action and age, summed per item or per token. Pure
// functions; allocate only what the caller's vectors lack.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bundle/id_table.h"
#include "core/bundle/space_spec.h"
#include "core/engine/fold_in.h"

namespace kindred {

// An event as the engine needs it; views into the caller's message or profile.
struct EventView {
  std::string_view item_id;
  double weight = 1.0;
  std::string_view action = {};  // may be empty
  int64_t time_ms = 0;           // since the Unix epoch; 0 = unknown, which counts as the newest
  uint32_t blend_step = 0;       // of a stored history: events of a larger step are blended in after those before
};

// What each event is worth in a space: weight × its action's weight × 2^(−age / half-life), age from the newest event.
// Into *worth: [events].
void WeighEvents(const SpaceSpec& spec, std::span<const EventView> events, std::vector<double>* worth);

// Sums what the events are worth per known item, by ascending item. Events worth nothing are left out.
void SumPerItem(const IdTable& items, std::span<const EventView> events, std::span<const double> worth,
                std::vector<ItemWeight>* history);

// An event's token, and what stands in for a token that was not trained.
struct TokenWeight {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t token = kNone;
  uint32_t item = kNone;
  uint32_t action = kNone;
  bool no_action = false;  // the event says no action where tokens have one
  double weight = 0;
};

// Sums what the events are worth per token, "<action>_<item>" or, without a table of actions, "<item>". Returns how
// many events counted. `key` is working memory.
uint32_t SumPerToken(const IdTable& tokens, const IdTable& actions, const IdTable& items,
                     std::span<const EventView> events, std::span<const double> worth, std::string* key,
                     std::vector<TokenWeight>* history);

// Action and item of a token's name; kNone for what the tables do not have. Where a name can be cut in two ways, the
// longer action.
struct TokenParts {
  uint32_t action = TokenWeight::kNone;
  uint32_t item = TokenWeight::kNone;
};
TokenParts SplitToken(std::string_view token, const IdTable& actions, const IdTable& items);

}  // namespace kindred
