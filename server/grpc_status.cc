#include "server/grpc_status.h"

#include <array>

#include "absl/strings/cord.h"
#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/excerpt.h"

namespace kindred {
namespace {

constexpr std::string_view kTypePrefix = "type.googleapis.com/";
constexpr size_t kMaxMessageBytes = 1024;

constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

template <typename Message>
std::string TypeUrl() {
  return StrCat(kTypePrefix, Message::descriptor()->full_name());
}

}  // namespace

std::string_view GrpcCodeName(int code) {
  return code >= 0 && code < static_cast<int>(kCodeNames.size()) ? kCodeNames[code] : "UNKNOWN";
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kErrorDomain));
  status.SetPayload(TypeUrl<google::rpc::ErrorInfo>(), absl::Cord(info.SerializeAsString()));
  return status;
}

absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(delay.count() / 1000);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay.count() % 1000 * 1'000'000));
  status.SetPayload(TypeUrl<google::rpc::RetryInfo>(), absl::Cord(info.SerializeAsString()));
  return status;
}

google::rpc::Status ToStatusMessage(const absl::Status& status) {
  const int code = static_cast<int>(status.code());
  google::rpc::Status message;
  message.set_code(code);
  std::string text(status.message());
  if (text.size() > kMaxMessageBytes) text = StrCat(CutUtf8(text, kMaxMessageBytes), "…");
  message.set_message(text);
  absl::Status named = status;
  if (!named.GetPayload(TypeUrl<google::rpc::ErrorInfo>()).has_value()) {
    named = WithReason(std::move(named), GrpcCodeName(code));
  }
  named.ForEachPayload([&message](absl::string_view type_url, const absl::Cord& value) {
    auto* detail = message.add_details();
    detail->set_type_url(std::string(type_url));
    detail->set_value(std::string(value));
  });
  return message;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status details = ToStatusMessage(status);
  return grpc::Status(static_cast<grpc::StatusCode>(details.code()), details.message(), details.SerializeAsString());
}

}  // namespace kindred
