// Failures by name, and error replies as failures. Pure functions.
#pragma once

#include <cstddef>
#include <string_view>

#include "server/redis/client.h"

namespace kindred::redis {

inline constexpr size_t kFailures = static_cast<size_t>(Failure::kOther) + 1;

// As metrics and logs say it: "ok", "timeout", "breaker_open", ….
std::string_view FailureName(Failure failure);

// What an error reply means: `text` is what follows the "-", such as "MOVED 3999 127.0.0.1:6381".
Failure ClassifyError(std::string_view text);

// Whether Redis said so itself, so that it lives and the connection is in order.
bool IsErrorReply(Failure failure);

// A reply that says what went wrong.
Reply FailedReply(Failure failure, std::string_view text);

}  // namespace kindred::redis
