// The only place where absl::Status becomes grpc::Status. Each error carries a google.rpc.Status in its details: one
// ErrorInfo (domain "kindred"), and BadRequest or RetryInfo where they apply. Thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <string_view>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace kindred {

inline constexpr std::string_view kErrorDomain = "kindred";

// `status` with the reason (UPPER_SNAKE_CASE) that its ErrorInfo will give. Without one the name of the code is given.
absl::Status WithReason(absl::Status status, std::string_view reason);
// `status` with a RetryInfo.
absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds delay);

// Codes map one to one. A message longer than 1 KiB is cut: trailers must stay below what clients accept.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The google.rpc.Status of an error, as the details of a call carry it and an entry of a batch is.
google::rpc::Status ToStatusMessage(const absl::Status& status);

// "OK", "INVALID_ARGUMENT", …: the label of metrics and the default reason.
std::string_view GrpcCodeName(int code);

}  // namespace kindred
