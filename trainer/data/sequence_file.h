// Ready-made sequences: a text file with one sequence a line, item ids separated by blanks, plain or gzip.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/data/event_log.h"

namespace kindred {

// Each line that is not blank becomes a user of its own whose id is the number of the line ("1" for the first), and its
// items that user's events in the order of the line; without times, actions and values, so that one sequence a user
// (SessionSplit::kUser) gives the lines back. NOT_FOUND, INVALID_ARGUMENT naming file and line (an id that is not valid
// UTF-8 or too long, a NUL byte), DATA_LOSS for damaged gzip data, FAILED_PRECONDITION when there is no item.
absl::StatusOr<EventLog> ReadSequenceFile(const std::string& path, Progress* progress);

}  // namespace kindred
