// DEPRECATED: ReadEvents (read_events.h) and AggregateEvents (aggregate.h) in one, for callers that have not moved.
// Reads interactions from CSV: named columns, rows checked one by one, duplicates aggregated, what was left out
// counted.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/data/ingest_report.h"
#include "trainer/data/interactions.h"

namespace kindred {

struct IngestOptions {
  std::string user_column = "user_id";
  std::string item_column = "item_id";
  // Empty: column "rating" when the file has one, else 1 for each row.
  std::string value_column;
  std::string time_column;  // empty: none
  char delimiter = ',';
  Aggregation aggregation = Aggregation::kSum;
  // Keep only rows before this time (needs time_column). Seconds since 1970.
  std::optional<double> before;
  uint32_t min_user_items = 1;  // distinct items a user must have
  uint32_t min_item_users = 1;  // distinct users an item must have
  bool allow_negative = false;  // whether values < 0 are meaningful to the trainer
  bool skip_bad_rows = false;   // count and skip rows that would otherwise be errors
};

struct Ingested {
  Interactions interactions;
  IngestReport report;
};

// Ids keep the order in which they first appear. Rows with an empty id, an empty value or a value of 0 say nothing and
// are skipped and counted; a value that is no finite number or is negative where that means nothing, an id that is not
// valid UTF-8 or longer than kMaxIdBytes, and a time that cannot be read are INVALID_ARGUMENT naming file, line, column
// and what was found (or counted, with skip_bad_rows). FAILED_PRECONDITION when no row is left. O(rows log rows).
absl::StatusOr<Ingested> ReadInteractions(const std::string& path, const IngestOptions& options, Progress* progress);

}  // namespace kindred
