#include "trainer/data/user_rows.h"

#include <algorithm>
#include <numeric>

namespace kindred {

UserRows::UserRows(const EventLog& log) : offsets_(log.user_ids.size() + 1, 0), rows_(log.size()) {
  for (uint32_t user : log.user) ++offsets_[user + 1];
  std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
  std::vector<uint32_t> next(offsets_.begin(), offsets_.end() - 1);
  for (uint32_t row = 0; row < log.size(); ++row) rows_[next[log.user[row]]++] = row;
}

void UserRows::SortByTime(const EventLog& log) {
  if (log.time_ms.empty()) return;
  for (uint32_t user = 0; user < log.user_ids.size(); ++user) {
    const std::span<uint32_t> rows = Of(user);
    std::stable_sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) { return log.time_ms[a] < log.time_ms[b]; });
  }
}

size_t DistinctItems(const EventLog& log, std::span<const uint32_t> rows) {
  std::vector<uint32_t> items;
  items.reserve(rows.size());
  for (uint32_t row : rows) items.push_back(log.item[row]);
  std::sort(items.begin(), items.end());
  return static_cast<size_t>(std::unique(items.begin(), items.end()) - items.begin());
}

}  // namespace kindred
