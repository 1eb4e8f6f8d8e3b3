// What every client here does with a call: a deadline, and a retry where a retry is safe. Thread-safe.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace kindred {

struct ClientOptions {
  absl::Duration timeout = absl::Seconds(5);              // of a call, its retries included; > 0
  int max_attempts = 3;                                   // ≥ 1
  absl::Duration first_backoff = absl::Milliseconds(50);  // before the second attempt; doubles, with jitter
};

// Connects (without TLS) at the first call. `address`: "host:port", or any gRPC target; calls are spread over all
// addresses that it resolves to.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const ClientOptions& options);

// Makes attempts until one does not end with UNAVAILABLE, `max_attempts` were made or options.timeout would pass. The
// last one's status with the server's code, message and details (rpc_status.h).
absl::Status CallWithRetries(const ClientOptions& options, int max_attempts,
                             const std::function<grpc::Status(grpc::ClientContext*)>& attempt);

}  // namespace kindred
