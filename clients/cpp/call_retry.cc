#include "clients/cpp/call_retry.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <random>

#include "absl/time/clock.h"
#include "clients/cpp/rpc_status.h"

namespace kindred {
namespace {

// A backoff between half and all of `limit`, so that clients that failed together do not come back together.
absl::Duration Jittered(absl::Duration limit) {
  thread_local std::minstd_rand random(std::random_device{}());
  return limit * std::uniform_real_distribution<double>(0.5, 1.0)(random);
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  // gRPC waits a second before it connects again, longer than all attempts of a call together.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   static_cast<int>(std::max<int64_t>(1, absl::ToInt64Milliseconds(options.first_backoff))));
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

absl::Status CallWithRetries(const ClientOptions& options, int max_attempts,
                             const std::function<grpc::Status(grpc::ClientContext*)>& attempt) {
  const absl::Time deadline = absl::Now() + options.timeout;
  absl::Duration backoff = options.first_backoff;
  for (int attempts = 1;; ++attempts) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    absl::Status status = FromGrpcStatus(attempt(&context));
    if (!absl::IsUnavailable(status) || attempts >= max_attempts) return status;
    const absl::Duration wait = std::max(Jittered(backoff), RetryDelay(status).value_or(absl::ZeroDuration()));
    if (absl::Now() + wait >= deadline) return status;
    absl::SleepFor(wait);
    backoff *= 2;
  }
}

}  // namespace kindred
