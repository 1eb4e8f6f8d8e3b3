#include "server/rpc/call.h"

#include <grpcpp/support/time.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "server/grpc_status.h"
#include "server/limits.h"

namespace kindred::rpc {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How long a step may keep its worker, and how often a look at the queue (about a microsecond) is worth it.
constexpr std::chrono::milliseconds kStepTime(1);
constexpr std::chrono::milliseconds kLookEvery(1);

google::protobuf::ArenaOptions ArenaOn(char* block, size_t size_bytes) {
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = size_bytes;
  return options;
}

}  // namespace

Call::Call()
    : initial_block_(new char[limits::kCallArenaBytes]),
      arena_(ArenaOn(initial_block_.get(), limits::kCallArenaBytes)) {}

std::chrono::system_clock::time_point Call::deadline() const { return grpc::Timespec2Timepoint(deadline_); }

SteadyClock::time_point Call::steady_deadline() const {
  if (gpr_time_cmp(deadline_, gpr_inf_future(deadline_.clock_type)) == 0) return SteadyClock::time_point::max();
  const gpr_timespec left = gpr_time_sub(deadline_, gpr_now(deadline_.clock_type));
  const auto now = SteadyClock::now();
  // Further away than the clock can say is no deadline either.
  constexpr int64_t kFar = 100 * 365 * 24 * int64_t{3600};
  if (left.tv_sec > kFar) return SteadyClock::time_point::max();
  return now + std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec);
}

bool Call::expired() const { return gpr_time_cmp(deadline_, gpr_now(deadline_.clock_type)) <= 0; }

absl::Status Call::Standing() const {
  // A deadline that passes cancels the call as well.
  if (expired()) return absl::DeadlineExceededError("the deadline passed before the answer was ready");
  if (cancelled()) return absl::CancelledError("the caller cancelled the call");
  return absl::OkStatus();
}

bool Call::ShouldStop() {
  if (cancelled() || expired()) return true;
  const SteadyClock::time_point now = SteadyClock::now();
  if (now - last_look_ < kLookEvery) return false;
  last_look_ = now;
  carrier_->Look();
  return cancelled();
}

bool Call::ShouldRest() const { return SteadyClock::now() - step_begin_ >= kStepTime; }

void Call::DropState() {
  if (state_ == nullptr) return;
  destroy_state_(std::exchange(state_, nullptr));
}

void Call::Clear() {
  DropState();
  request_ = nullptr;
  response_ = nullptr;
  arena_.Reset();
  cancelled_.store(false, std::memory_order_relaxed);
}

void Call::Begin(Carrier* carrier, uint32_t worker, gpr_timespec deadline) {
  carrier_ = carrier;
  worker_ = worker;
  deadline_ = deadline;
  last_look_ = {};
  request_ = NewRequest(&arena_);
  response_ = NewResponse(&arena_);
}

absl::Status CheckResponseSize(const google::protobuf::Message& response) {
  const size_t size = response.ByteSizeLong();
  if (size <= limits::kMaxResponseBytes) return absl::OkStatus();
  return WithReason(
      absl::ResourceExhaustedError(absl::StrFormat(
          "the answer would be %d bytes, above the limit of %d; ask for fewer items, or for less about each", size,
          limits::kMaxResponseBytes)),
      "RESPONSE_TOO_LARGE");
}

}  // namespace kindred::rpc
