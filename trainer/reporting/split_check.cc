#include "trainer/reporting/split_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>
#include <vector>

namespace kindred {
namespace {

// Ids that have a row.
std::vector<bool> Used(const std::vector<uint32_t>& numbers, size_t n_ids) {
  std::vector<bool> out(n_ids);
  for (const uint32_t number : numbers) out[number] = true;
  return out;
}

double KnownShare(const std::vector<std::string>& ids, const std::vector<bool>& used,
                  const std::vector<std::string>& train_ids, const std::vector<bool>& train_used) {
  std::unordered_set<std::string_view> known;
  for (size_t i = 0; i < train_ids.size(); ++i) {
    if (train_used[i]) known.insert(train_ids[i]);
  }
  uint64_t all = 0, found = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!used[i]) continue;
    ++all;
    found += known.contains(ids[i]) ? 1 : 0;
  }
  return all == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(found) / static_cast<double>(all);
}

}  // namespace

SplitFigures CheckSplit(std::string_view name, const EventLog& log, const EventLog* train) {
  SplitFigures out;
  out.name = name;
  out.rows = log.size();
  const std::vector<bool> users = Used(log.user, log.user_ids.size()), items = Used(log.item, log.item_ids.size());
  out.users = static_cast<uint64_t>(std::count(users.begin(), users.end(), true));
  out.items = static_cast<uint64_t>(std::count(items.begin(), items.end(), true));
  std::vector<uint64_t> pairs(log.size());
  for (size_t row = 0; row < log.size(); ++row) pairs[row] = (uint64_t{log.user[row]} << 32) | log.item[row];
  std::sort(pairs.begin(), pairs.end());
  out.pairs = static_cast<uint64_t>(std::unique(pairs.begin(), pairs.end()) - pairs.begin());
  if (out.rows > 0) {
    out.sparsity =
        1 - static_cast<double>(out.pairs) / (static_cast<double>(out.users) * static_cast<double>(out.items));
  }
  out.has_values = !log.value.empty();
  if (out.has_values && out.rows > 0) {
    double sum = 0, squares = 0;
    for (const float value : log.value) sum += value;
    out.mean = sum / static_cast<double>(out.rows);
    for (const float value : log.value) squares += (value - out.mean) * (value - out.mean);
    out.deviation = std::sqrt(squares / static_cast<double>(out.rows));
    out.least = *std::min_element(log.value.begin(), log.value.end());
    out.most = *std::max_element(log.value.begin(), log.value.end());
  }
  out.has_times = !log.time_ms.empty() && out.rows > 0;
  if (out.has_times) {
    out.first_ms = *std::min_element(log.time_ms.begin(), log.time_ms.end());
    out.last_ms = *std::max_element(log.time_ms.begin(), log.time_ms.end());
  }
  out.known_users = out.known_items = std::numeric_limits<double>::quiet_NaN();
  if (train != nullptr) {
    out.known_users = KnownShare(log.user_ids, users, train->user_ids, Used(train->user, train->user_ids.size()));
    out.known_items = KnownShare(log.item_ids, items, train->item_ids, Used(train->item, train->item_ids.size()));
  }
  return out;
}

}  // namespace kindred
