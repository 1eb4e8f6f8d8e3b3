#include "trainer/data/event_log.h"

namespace kindred {
namespace {

template <typename T>
std::vector<T> Gather(const std::vector<T>& column, const std::vector<uint32_t>& rows) {
  std::vector<T> out;
  if (column.empty()) return out;
  out.reserve(rows.size());
  for (uint32_t row : rows) out.push_back(column[row]);
  return out;
}

// Renumbers `column` and drops the ids that it does not use.
void Compact(std::vector<std::string>* ids, std::vector<uint32_t>* column) {
  constexpr uint32_t kUnused = UINT32_MAX;
  std::vector<uint32_t> number(ids->size(), kUnused);
  std::vector<std::string> used;
  for (uint32_t& entry : *column) {
    if (number[entry] == kUnused) {
      number[entry] = static_cast<uint32_t>(used.size());
      used.push_back(std::move((*ids)[entry]));
    }
    entry = number[entry];
  }
  *ids = std::move(used);
}

}  // namespace

EventLog SelectRows(const EventLog& log, const std::vector<uint32_t>& rows) {
  EventLog out;
  out.user_ids = log.user_ids;
  out.item_ids = log.item_ids;
  out.action_ids = log.action_ids;
  out.session_ids = log.session_ids;
  out.user = Gather(log.user, rows);
  out.item = Gather(log.item, rows);
  out.action = Gather(log.action, rows);
  out.session = Gather(log.session, rows);
  out.time_ms = Gather(log.time_ms, rows);
  out.value = Gather(log.value, rows);
  return out;
}

EventLog DropUnusedIds(EventLog log) {
  Compact(&log.user_ids, &log.user);
  Compact(&log.item_ids, &log.item);
  return log;
}

}  // namespace kindred
