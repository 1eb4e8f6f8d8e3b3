// What the runs of a tuning have in common, so that a tuning which goes on in the same folder is known to be the same.
// Pure functions but for reading the files.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "trainer/tuning/tune.h"

namespace kindred {

// JSON object: every parameter of the recipe at the value that it has where it is not varied, how events are read, how
// runs are evaluated, and the digests of the training, validation and item files. Paths, names, threads, and what is
// varied do not count. Errors of opening the files. O(bytes of the files), memory O(1).
absl::StatusOr<std::string> TuneSetup(const TuneOptions& options);

// The members that differ, in words: "evaluation.negatives was 0 and is 99, …"; empty when they are the same.
std::string DescribeDifference(std::string_view before_json, std::string_view now_json);

}  // namespace kindred
