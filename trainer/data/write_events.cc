#include "trainer/data/write_events.h"

#include <charconv>
#include <vector>

#include "trainer/data/event_time.h"

namespace kindred {

void WriteEventRows(const EventLog& log, std::span<const uint32_t> rows, CsvWriter* csv) {
  std::vector<std::string_view> fields = {"user_id", "item_id"};
  if (!log.value.empty()) fields.push_back("rating");
  if (!log.time_ms.empty()) fields.push_back("timestamp");
  if (!log.action.empty()) fields.push_back("action");
  if (!log.session.empty()) fields.push_back("session");
  csv->Row(fields);
  for (uint32_t row : rows) {
    fields.assign({log.user_ids[log.user[row]], log.item_ids[log.item[row]]});
    char value[32];
    std::string time;
    if (!log.value.empty()) {
      const char* end = std::to_chars(value, value + sizeof(value), log.value[row]).ptr;
      fields.emplace_back(value, static_cast<size_t>(end - value));
    }
    if (!log.time_ms.empty()) fields.push_back(time = TimeText(log.time_ms[row]));
    if (!log.action.empty()) fields.push_back(log.action_ids[log.action[row]]);
    if (!log.session.empty()) fields.push_back(log.session_ids[log.session[row]]);
    csv->Row(fields);
  }
}

}  // namespace kindred
