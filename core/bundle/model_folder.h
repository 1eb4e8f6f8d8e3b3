// What a model may be called in a model store. Pure functions, thread-safe.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace kindred {

// INVALID_ARGUMENT for the name of a folder that no request could name: "<model>@<version>" is split at the '@'.
absl::Status CheckModelFolder(std::string_view name);

}  // namespace kindred
