// Events as they are written on a command line: ITEM, ITEM:WEIGHT or ITEM:WEIGHT:ACTION.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "kindred/v1/event.pb.h"

namespace kindred {

// Reads from the right, so an item id may hold colons as long as its weight is given: "a:b:1" is item "a:b" with
// weight 1. INVALID_ARGUMENT when there is a colon but no number where the weight belongs, or the id is empty. Whether
// the weight is acceptable is the server's to say.
absl::StatusOr<v1::Event> ParseEventArgument(std::string_view text);

}  // namespace kindred
