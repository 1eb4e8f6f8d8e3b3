#include "core/engine/event_history.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace kindred {
namespace {

constexpr double kMsPerDay = 86'400'000.0;

// Sums the weights of neighbors that are the same, in order. REQUIRES: sorted, stably, so that the sum of equal entries
// does not depend on the sort.
template <typename Entry, typename Same>
void SumNeighbors(std::vector<Entry>* entries, const Same& same) {
  size_t kept = 0;
  for (const Entry& entry : *entries) {
    if (kept > 0 && same((*entries)[kept - 1], entry)) {
      (*entries)[kept - 1].weight += entry.weight;
    } else {
      (*entries)[kept++] = entry;
    }
  }
  entries->resize(kept);
}

// What a server folds in is short and often in order: insertion sort, which unlike std::stable_sort allocates nothing.
template <typename Entry, typename Before>
void SortStably(std::vector<Entry>* entries, const Before& before) {
  constexpr size_t kShort = 256;
  if (entries->size() > kShort) {
    std::stable_sort(entries->begin(), entries->end(), before);
    return;
  }
  for (size_t i = 1; i < entries->size(); ++i) {
    const Entry entry = (*entries)[i];
    size_t at = i;
    for (; at > 0 && before(entry, (*entries)[at - 1]); --at) (*entries)[at] = (*entries)[at - 1];
    (*entries)[at] = entry;
  }
}

std::tuple<uint32_t, uint32_t, uint32_t, bool> Key(const TokenWeight& entry) {
  return {entry.token, entry.item, entry.action, entry.no_action};
}

}  // namespace

void WeighEvents(const SpaceSpec& spec, std::span<const EventView> events, std::vector<double>* worth) {
  worth->clear();
  int64_t newest = 0;
  for (const EventView& event : events) newest = std::max(newest, event.time_ms);
  for (const EventView& event : events) {
    double value = event.weight;
    if (!spec.actions.empty()) {
      const auto action = spec.actions.find(event.action);
      if (action != spec.actions.end()) value *= action->second;
    }
    if (spec.half_life_days > 0 && event.time_ms > 0) {
      const double days = (static_cast<double>(newest) - static_cast<double>(event.time_ms)) / kMsPerDay;
      value *= std::exp2(-days / spec.half_life_days);
    }
    worth->push_back(value);
  }
}

void SumPerItem(const IdTable& items, std::span<const EventView> events, std::span<const double> worth,
                std::vector<ItemWeight>* history) {
  history->clear();
  for (size_t i = 0; i < events.size(); ++i) {
    if (worth[i] == 0) continue;
    const auto item = items.Find(events[i].item_id);
    if (item.has_value()) history->push_back({*item, worth[i]});
  }
  SortStably(history, [](const ItemWeight& a, const ItemWeight& b) { return a.item < b.item; });
  SumNeighbors(history, [](const ItemWeight& a, const ItemWeight& b) { return a.item == b.item; });
}

uint32_t SumPerToken(const IdTable& tokens, const IdTable& actions, const IdTable& items,
                     std::span<const EventView> events, std::span<const double> worth, std::string* key,
                     std::vector<TokenWeight>* history) {
  history->clear();
  uint32_t counted = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    if (worth[i] == 0) continue;
    ++counted;
    const EventView& event = events[i];
    TokenWeight entry;
    entry.weight = worth[i];
    key->clear();
    if (!actions.empty()) {
      key->append(event.action);
      key->push_back('_');
    }
    key->append(event.item_id);
    entry.token = tokens.Find(*key).value_or(TokenWeight::kNone);
    entry.item = items.Find(event.item_id).value_or(TokenWeight::kNone);
    entry.no_action = !actions.empty() && event.action.empty();
    if (!actions.empty()) entry.action = actions.Find(event.action).value_or(TokenWeight::kNone);
    history->push_back(entry);
  }
  SortStably(history, [](const TokenWeight& a, const TokenWeight& b) { return Key(a) < Key(b); });
  SumNeighbors(history, [](const TokenWeight& a, const TokenWeight& b) { return Key(a) == Key(b); });
  return counted;
}

TokenParts SplitToken(std::string_view token, const IdTable& actions, const IdTable& items) {
  TokenParts parts;
  if (actions.empty()) {
    parts.item = items.Find(token).value_or(TokenWeight::kNone);
    return parts;
  }
  for (size_t at = token.rfind('_'); at != std::string_view::npos; at = token.rfind('_', at - 1)) {
    const auto action = actions.Find(token.substr(0, at));
    if (action.has_value()) {
      const auto item = items.Find(token.substr(at + 1));
      if (parts.action == TokenWeight::kNone || item.has_value()) parts.action = *action;
      if (item.has_value()) {
        parts.item = *item;
        break;
      }
    }
    if (at == 0) break;
  }
  return parts;
}

}  // namespace kindred
