#include "trainer/data/ingest.h"

#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/data/aggregate.h"
#include "trainer/data/read_events.h"

namespace kindred {

absl::StatusOr<Ingested> ReadInteractions(const std::string& path, const IngestOptions& options, Progress* progress) {
  EventReadOptions read;
  read.user_column = options.user_column;
  read.item_column = options.item_column;
  read.value_column = options.value_column;
  read.time_column = options.time_column.empty() ? std::string(kNoColumn) : options.time_column;
  read.delimiter = options.delimiter;
  if (options.before) read.before_ms = static_cast<int64_t>(std::ceil(*options.before * 1000));
  read.min_user_items = options.min_user_items;
  read.min_item_users = options.min_item_users;
  read.allow_negative = options.allow_negative;
  read.skip_bad_rows = options.skip_bad_rows;
  ASSIGN_OR_RETURN(EventInput input, ReadEvents({path}, read, progress));
  return Ingested{AggregateEvents(input.log, {.aggregation = options.aggregation}), std::move(input.report)};
}

}  // namespace kindred
