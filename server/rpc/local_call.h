// Calls without a network: a method's handler on bytes, in the thread that asks. What a fuzzer and tests of handlers
// use; a handler cannot tell the difference. Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/rpc/server_stream_call.h"
#include "server/rpc/unary_call.h"

namespace kindred::rpc {

// Handles `request` as worker 0, without a deadline, and appends the answer's bytes to *responses: one when the call is
// unary, else each message in turn. Waits for a handler that finishes from another thread. The status is what a caller
// would get.
absl::Status RunLocally(UnaryCallBase* call, std::string_view request, std::vector<std::string>* responses);
absl::Status RunLocally(ServerStreamCallBase* call, std::string_view request, std::vector<std::string>* responses);

}  // namespace kindred::rpc
