// Reads events from files: CSV, JSON lines, Parquet. Named columns, rows checked one by one, what was left out counted.
// docs/data.md is the manual. Functions are thread-safe; memory is the EventLog plus one batch of one file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/data/event_log.h"
#include "trainer/data/event_time.h"
#include "trainer/data/ingest_report.h"
#include "trainer/data/row_filter.h"

namespace kindred {

// Column name that means "do not read any", where a usual name would be looked for.
inline constexpr std::string_view kNoColumn = "none";

struct EventReadOptions {
  // In JSON a column is a path with dots ("user.id").
  std::string user_column = "user_id";
  std::string item_column = "item_id";
  std::string value_column{};    // empty: "rating" when the input has it, else 1 for each row
  std::string time_column{};     // empty: "timestamp" when the input has it
  std::string action_column{};   // empty: none
  std::string session_column{};  // empty: none
  char delimiter = 0;            // of CSV; 0: tab for .tsv, else a comma
  // JSON: path of an array of events in each line; columns are then looked for in the event first, else in the line.
  std::string json_events{};
  std::vector<std::string> missing{};  // cells that say nothing, beside empty ones and nulls: "NA", "\\N", …
  TimeFormat time_format{};
  std::vector<RowFilter> keep{};                  // every one must hold
  std::optional<double> clip_low{}, clip_high{};  // values outside become the bound
  std::optional<int64_t> from_ms{}, before_ms{};  // keep only rows with from ≤ time < before
  uint32_t max_users = 0, max_items = 0;          // 0: all; else those with the most rows, ties by first appearance
  uint32_t min_user_items = 1;                    // k-core: distinct items a user must have,
  uint32_t min_item_users = 1;                    // distinct users an item must have, until all that are left do
  bool allow_negative = false;                    // whether values < 0 mean something to the trainer
  bool skip_bad_rows = false;                     // count and skip rows that would otherwise be errors
};

struct EventInput {
  EventLog log;
  IngestReport report;
};

// Reads `paths`, one after another, into one log. By file name: .csv, .tsv, .txt (and .gz of these), .jsonl, .ndjson,
// .json (and .gz), .parquet, .pq; any other name by its first bytes. Rows with an empty id, value, time or action, or a
// value of 0, say nothing and are skipped and counted; a cell that cannot be read is INVALID_ARGUMENT naming file, row
// and column and what was found (or counted, with skip_bad_rows). NOT_FOUND for a file that is not there, DATA_LOSS for
// a damaged one, FAILED_PRECONDITION when no row is left, UNIMPLEMENTED for Parquet in a build without it. O(rows).
absl::StatusOr<EventInput> ReadEvents(const std::vector<std::string>& paths, const EventReadOptions& options,
                                      Progress* progress);

}  // namespace kindred
