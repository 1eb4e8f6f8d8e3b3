// A call for methods that ask one when to rest and when to stop, without a server. It never waits long for its turn: a
// rest is due whenever it is asked.
#pragma once

#include <atomic>

#include "kindred/v1/recommendation_service.pb.h"
#include "server/rpc/unary_call.h"

namespace kindred::testing {

class TestCall final : public rpc::Call::Carrier {
 public:
  TestCall() {
    call_.Begin(this, 0, gpr_inf_future(GPR_CLOCK_MONOTONIC));
    call_.BeginStep({});
  }
  ~TestCall() = default;

  rpc::Call* get() { return &call_; }

  std::atomic<int> pauses{0}, resumes{0};

  void Finish(const absl::Status& status) override {}
  void Again() override {}
  void Pause() override { ++pauses; }
  void Resume() override { ++resumes; }
  void Look() override {}

 private:
  // Of any method: only what all calls have is used.
  rpc::UnaryCall<v1::GetProfileRequest, v1::GetProfileResponse> call_{nullptr};
};

}  // namespace kindred::testing
