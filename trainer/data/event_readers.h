// The readers of each file format, behind ReadEvents. Internal to this room.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "trainer/base/progress.h"
#include "trainer/data/event_builder.h"

namespace kindred {

absl::Status ReadCsvEvents(const std::string& path, const EventReadOptions& options, EventBuilder* builder,
                           Progress* progress);
absl::Status ReadJsonEvents(const std::string& path, const EventReadOptions& options, EventBuilder* builder,
                            Progress* progress);
absl::Status ReadParquetEvents(const std::string& path, EventBuilder* builder, Progress* progress);

}  // namespace kindred
