// Packing: a bundle of raw parts → the same with every serving part derived, golden queries made, sealed, read back and
// checked, and only then published under its name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/bundle_writer.h"
#include "core/packing/bundle_parts.h"

namespace kindred {

struct PackReport {
  BundleInfo info;                   // of the packed bundle
  std::vector<std::string> derived;  // names of the parts that were computed
  int golden_queries = 0;
};

// Packs the bundle at `in` (raw, or packed before) to `out`. `overrides` replace metadata keys of `in`; a model or
// version that neither names becomes "default" and "1". `in` is checked whole first, and parts of it that are derived
// must follow from the rest. On error nothing is left at `out` that was not there before. Errors as Model::Load, and
// DATA_LOSS when the finished bundle does not answer as it did before it was written. `go_on` is asked between
// steps; CANCELLED when it says no (empty: it always says yes).
absl::StatusOr<PackReport> PackFile(const std::string& in, const std::string& out, const Metadata& overrides,
                                    const std::function<bool()>& go_on = nullptr);

// Packs parts in memory to `out`.
absl::StatusOr<PackReport> PackParts(const BundleParts& parts, const std::string& out, const Metadata& overrides = {},
                                     const std::function<bool()>& go_on = nullptr);

// Whether a file can be written at `out`: its folder exists and can be written to, and `out` is no folder. Asked before
// long work. INVALID_ARGUMENT naming the path and what to do.
absl::Status CheckOutputPath(const std::string& out);

}  // namespace kindred
