#include "core/engine/new_vocabulary.h"

#include "core/base/checksum.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

uint64_t Hash(std::string_view id) { return Xxh3(std::as_bytes(std::span(id))); }

// Whether some token space gives the action a weight; without one of its own it counts 1.
bool Counts(const Model& model, std::string_view action) {
  for (const auto& space : model.spaces()) {
    if (!space->has_tokens) continue;
    const auto weight = space->spec.actions.find(action);
    if (weight == space->spec.actions.end() || weight->second != 0) return true;
  }
  return false;
}

}  // namespace

std::string_view NewItem(const Model& model, const EventView& event) {
  return model.items().Find(event.item_id).has_value() ? std::string_view() : event.item_id;
}

std::string_view NewToken(const Model& model, const EventView& event, std::string* key) {
  if (model.token_ids().empty() || !Counts(model, event.action)) return {};
  const bool actions = !model.actions().empty();
  // Without its action an event is known by its item.
  if (actions && event.action.empty()) return NewItem(model, event);
  key->clear();
  if (actions) {
    key->append(event.action);
    key->push_back('_');
  }
  key->append(event.item_id);
  return model.token_ids().Find(*key).has_value() ? std::string_view() : std::string_view(*key);
}

NewVocabulary::NewVocabulary(uint64_t n_items, uint64_t n_tokens) : items_(DistinctCounterBits(n_items)) {
  if (n_tokens > 0) tokens_.emplace(DistinctCounterBits(n_tokens));
}

void NewVocabulary::Add(const Model& model, std::span<const EventView> events, std::string* key) {
  for (const EventView& event : events) {
    if (const std::string_view item = NewItem(model, event); !item.empty()) items_.Add(Hash(item));
    if (!tokens_) continue;
    if (const std::string_view token = NewToken(model, event, key); !token.empty()) tokens_->Add(Hash(token));
  }
}

}  // namespace kindred
