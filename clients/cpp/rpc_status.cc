#include "clients/cpp/rpc_status.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace kindred {
namespace {

// The first payload of type T, or nullopt.
template <typename T>
std::optional<T> Detail(const absl::Status& status) {
  const std::string url = "type.googleapis.com/" + std::string(T::descriptor()->full_name());
  const auto payload = status.GetPayload(url);
  T message;
  if (!payload.has_value() || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

}  // namespace

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status message;
  // What gRPC itself made has no details.
  if (!message.ParseFromString(status.error_details())) message.Clear();
  message.set_code(status.error_code());
  message.set_message(status.error_message());
  return FromStatusMessage(message);
}

absl::Status FromStatusMessage(const google::rpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.code()), status.message());
  for (const google::protobuf::Any& detail : status.details()) {
    result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  if (const auto bad_request = Detail<google::rpc::BadRequest>(status)) {
    for (const auto& violation : bad_request->field_violations()) {
      violations.push_back({violation.field(), violation.description()});
    }
  }
  return violations;
}

std::optional<absl::Duration> RetryDelay(const absl::Status& status) {
  const auto retry = Detail<google::rpc::RetryInfo>(status);
  if (!retry.has_value()) return std::nullopt;
  return absl::Seconds(retry->retry_delay().seconds()) + absl::Nanoseconds(retry->retry_delay().nanos());
}

}  // namespace kindred
