// An event log as CSV that ReadEvents takes back. Thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "trainer/data/csv_writer.h"
#include "trainer/data/event_log.h"

namespace kindred {

// Appends a header and the rows `rows` of `log`: user_id, item_id and, where the log has them, rating, timestamp (RFC
// 3339 in UTC), action, session. Values read back bit by bit.
void WriteEventRows(const EventLog& log, std::span<const uint32_t> rows, CsvWriter* csv);

}  // namespace kindred
