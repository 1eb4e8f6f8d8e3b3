// gRPC's answers as absl::Status, with the google.rpc details (field violations, retry advice) kept as payloads.
// Pure functions, thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"

namespace kindred {

// The code and message of `status`; each detail of its google.rpc.Status becomes a payload under its type URL.
absl::Status FromGrpcStatus(const grpc::Status& status);
// The same of an entry of a batch.
absl::Status FromStatusMessage(const google::rpc::Status& status);

struct FieldViolation {
  std::string field;
  std::string description;
};

// The violations of the BadRequest that `status` carries; empty when it carries none.
std::vector<FieldViolation> FieldViolations(const absl::Status& status);

// How long the server asks to wait before the next try (RetryInfo); nullopt when it does not say.
std::optional<absl::Duration> RetryDelay(const absl::Status& status);

}  // namespace kindred
