#include "trainer/families/customers.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace kindred {
namespace {

constexpr double kMsPerDay = 86'400'000.0;

}  // namespace

Customers::Customers(const TrainingData& data, const TokenSequences& sequences, const TokenEmbedding& embedding,
                     ValueTransform transform)
    : log_(*data.events),
      weights_(data.weights),
      sequences_(sequences),
      embedding_(embedding),
      rows_(log_),
      transform_(transform) {
  for (const std::string& action : log_.action_ids) {
    const auto found = weights_.actions.find(action);
    action_weights_.push_back(found == weights_.actions.end() ? 1.0 : found->second);
  }
}

bool Customers::Mean(uint32_t user, double half_life_days, bool only_categories, std::vector<TokenWeight>* history,
                     std::span<double> e, uint32_t* counted) const {
  Sum(user, half_life_days, history, counted);
  return !history->empty() && MeanTokenVector(embedding_, transform_, *history, only_categories, e);
}

void Customers::Sum(uint32_t user, double half_life_days, std::vector<TokenWeight>* history, uint32_t* counted) const {
  history->clear();
  *counted = 0;
  const bool decays = half_life_days > 0 && !log_.time_ms.empty();
  int64_t newest = 0;
  for (uint32_t row : rows_.Of(user)) newest = decays ? std::max(newest, log_.time_ms[row]) : 0;
  for (uint32_t row : rows_.Of(user)) {
    TokenWeight entry;
    entry.weight = log_.ValueOf(row);
    if (!log_.action.empty()) entry.weight *= action_weights_[log_.action[row]];
    if (decays && log_.time_ms[row] > 0) {
      entry.weight *= std::exp2(-(static_cast<double>(newest - log_.time_ms[row]) / kMsPerDay) / half_life_days);
    }
    if (entry.weight == 0) continue;
    ++*counted;
    entry.item = log_.item[row];
    if (!sequences_.token_action.empty()) entry.action = log_.action[row];
    entry.token = Token(entry.item, entry.action);
    history->push_back(entry);
  }
  const auto key = [](const TokenWeight& entry) { return std::tuple(entry.token, entry.item, entry.action); };
  std::stable_sort(history->begin(), history->end(),
                   [&](const TokenWeight& a, const TokenWeight& b) { return key(a) < key(b); });
  size_t kept = 0;
  for (const TokenWeight& entry : *history) {
    if (kept > 0 && key((*history)[kept - 1]) == key(entry)) {
      (*history)[kept - 1].weight += entry.weight;
    } else {
      (*history)[kept++] = entry;
    }
  }
  history->resize(kept);
}

uint32_t Customers::Token(uint32_t item, uint32_t action) const {
  for (uint32_t token : embedding_.item_tokens.Row(item)) {
    if (sequences_.token_action.empty() || sequences_.token_action[token] == action) return token;
  }
  return TokenWeight::kNone;
}

}  // namespace kindred
