#include "server/rpc/local_call.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "core/base/status_macros.h"
#include "server/rpc/malformed_request.h"

namespace kindred::rpc {
namespace {

class LocalCarrier final : public Call::Carrier {
 public:
  void Finish(const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    changed_.notify_all();
  }
  void Again() override {
    const std::lock_guard lock(mutex_);
    again_ = true;
  }
  void Pause() override {}
  void Resume() override {
    const std::lock_guard lock(mutex_);
    again_ = true;
    changed_.notify_all();
  }
  void Look() override {}

  // The status that the call ended with; nullopt when its handler wants to go on, or was resumed.
  std::optional<absl::Status> Await() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return again_ || status_.has_value(); });
    again_ = false;
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<absl::Status> status_;  // guarded by mutex_
  bool again_ = false;                  // guarded by mutex_; or resumed
};

// As QueuedCall begins one.
absl::Status Begin(Call* call, LocalCarrier* carrier, std::string_view request) {
  call->Clear();
  call->Begin(carrier, 0, gpr_inf_future(GPR_CLOCK_MONOTONIC));
  call->BeginStep(std::chrono::steady_clock::now());
  google::protobuf::Message* const message = call->request_message();
  if (message->ParseFromArray(request.data(), static_cast<int>(request.size()))) return absl::OkStatus();
  const grpc::Slice slice(request.data(), request.size());
  return MalformedRequestError(*message->GetDescriptor(), grpc::ByteBuffer(&slice, 1));
}

absl::Status Append(const google::protobuf::Message& response, std::vector<std::string>* responses) {
  RETURN_IF_ERROR(CheckResponseSize(response));
  responses->push_back(response.SerializeAsString());
  return absl::OkStatus();
}

}  // namespace

absl::Status RunLocally(UnaryCallBase* call, std::string_view request, std::vector<std::string>* responses) {
  LocalCarrier carrier;
  RETURN_IF_ERROR(Begin(call, &carrier, request));
  std::optional<absl::Status> status;
  while (!status.has_value()) {
    call->BeginStep(std::chrono::steady_clock::now());
    call->Handle();
    status = carrier.Await();
  }
  call->DropState();
  RETURN_IF_ERROR(*status);
  return Append(*call->response_message(), responses);
}

absl::Status RunLocally(ServerStreamCallBase* call, std::string_view request, std::vector<std::string>* responses) {
  LocalCarrier carrier;
  RETURN_IF_ERROR(Begin(call, &carrier, request));
  absl::Status status = call->Open();
  while (status.ok()) {
    call->BeginStep(std::chrono::steady_clock::now());
    const absl::StatusOr<StreamStep> step = call->Next();
    status = step.status();
    if (!step.ok() || *step == StreamStep::kEnd) break;
    if (*step == StreamStep::kAgain) continue;
    if (*step == StreamStep::kWait) {
      carrier.Await();
      continue;
    }
    status = Append(call->response(), responses);
    call->ClearResponse();
  }
  call->Close();
  return status;
}

}  // namespace kindred::rpc
