// The file of the items that are out: "KDAVAIL" and a format byte, version u64, count u64, each id as its length u16
// and its bytes in ascending order, XXH3-64 of all before it; numbers little-endian. Pure functions but for reading.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/lifecycle/unavailable_items.h"

namespace kindred {

std::string EncodeAvailability(const UnavailableItems& items);

// DATA_LOSS saying what was found and expected for anything that EncodeAvailability did not give. Memory and work are
// bounded by bytes.size().
absl::StatusOr<UnavailableItems> DecodeAvailability(std::string_view bytes);

// The set in the file at `path`; an empty one when there is no such file. Errors name the path and say what to do.
absl::StatusOr<UnavailableItems> ReadAvailabilityFile(const std::string& path);

}  // namespace kindred
