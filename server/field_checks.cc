#include "server/field_checks.h"

#include <cmath>

#include "absl/strings/cord.h"
#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/grpc_status.h"
#include "server/limits.h"

namespace kindred {
namespace {

bool IsValidTime(const google::protobuf::Timestamp& time) {
  return time.seconds() >= kMinTimestampSeconds && time.seconds() <= kMaxTimestampSeconds && time.nanos() >= 0 &&
         time.nanos() <= 999'999'999;
}

}  // namespace

void FieldChecks::Add(std::string_view field, std::string_view description) {
  if (violations_.size() < limits::kMaxViolations) {
    violations_.emplace_back(StrCat(prefix_, field), description);
  } else {
    ++more_;
  }
}

void FieldChecks::Id(std::string_view field, std::string_view value) {
  if (!value.empty() && value.size() <= limits::kMaxIdBytes) return;
  Add(field, absl::StrFormat("is %s, expected 1 to %d bytes of UTF-8",
                             value.empty() ? std::string("empty") : absl::StrFormat("%d bytes long", value.size()),
                             limits::kMaxIdBytes));
}

void FieldChecks::Name(std::string_view field, std::string_view value, size_t max_bytes) {
  if (value.size() <= max_bytes) return;
  Add(field, absl::StrFormat("is %d bytes long, expected at most %d", value.size(), max_bytes));
}

void FieldChecks::View(std::string_view field, int value) {
  if (v1::ItemView_IsValid(value)) return;
  Add(field, absl::StrFormat("is %d, expected 0 (default), 1 (basic) or 2 (full)", value));
}

void FieldChecks::Mode(std::string_view field, int value) {
  if (v1::UpdateMode_IsValid(value)) return;
  Add(field, absl::StrFormat("is %d, expected 0 (default), 1 (history) or 2 (blend)", value));
}

uint32_t FieldChecks::PageSize(std::string_view field, int32_t value, int32_t max) {
  if (value < 0) {
    Add(field, absl::StrFormat("is %d, expected 0 (for %d) to %d", value, limits::kDefaultPageSize, max));
    return 0;
  }
  if (value == 0) return limits::kDefaultPageSize;
  return static_cast<uint32_t>(value < max ? value : max);
}

void FieldChecks::Ids(std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& ids) {
  if (ids.size() > limits::kMaxFilterIds) {
    Add(field, absl::StrFormat("has %d ids, expected at most %d", ids.size(), limits::kMaxFilterIds));
    return;
  }
  for (int i = 0; i < ids.size(); ++i) {
    if (!ids[i].empty() && ids[i].size() <= limits::kMaxIdBytes) continue;
    Id(absl::StrFormat("%s[%d]", field, i), ids[i]);
  }
}

void FieldChecks::Events(std::string_view field, const google::protobuf::RepeatedPtrField<v1::Event>& events, int min) {
  if (events.size() < min || events.size() > limits::kMaxEvents) {
    Add(field, absl::StrFormat("has %d events, expected %d to %d", events.size(), min, limits::kMaxEvents));
    return;
  }
  for (int i = 0; i < events.size(); ++i) {
    const v1::Event& event = events[i];
    const bool id_ok = !event.item_id().empty() && event.item_id().size() <= limits::kMaxIdBytes;
    const bool action_ok = event.action().size() <= limits::kMaxActionBytes;
    const bool time_ok = !event.has_time() || IsValidTime(event.time());
    const bool weight_ok = !event.has_weight() || (std::isfinite(event.weight()) && event.weight() > 0);
    if (id_ok && action_ok && time_ok && weight_ok) continue;
    const std::string path = absl::StrFormat("%s[%d].", field, i);
    Id(path + "item_id", event.item_id());
    Name(path + "action", event.action(), limits::kMaxActionBytes);
    if (!time_ok) {
      Add(path + "time", absl::StrFormat("is %d s and %d ns, expected a time in years 1 to 9999 and 0 to 999999999 ns",
                                         event.time().seconds(), event.time().nanos()));
    }
    if (!weight_ok) {
      Add(path + "weight", absl::StrFormat("is %g, expected a finite number above 0", event.weight()));
    }
  }
}

absl::Status FieldChecks::status() const {
  if (violations_.empty()) return absl::OkStatus();
  google::rpc::BadRequest bad_request;
  std::string message;
  for (const auto& [field, description] : violations_) {
    auto* violation = bad_request.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
    StrAppend(&message, message.empty() ? "" : "; ", field.empty() ? "request" : field, " ", description);
  }
  if (more_ > 0) StrAppend(&message, "; and ", more_, " more");
  absl::Status status = WithReason(absl::InvalidArgumentError(message), "INVALID_FIELD");
  status.SetPayload(StrCat("type.googleapis.com/", google::rpc::BadRequest::descriptor()->full_name()),
                    absl::Cord(bad_request.SerializeAsString()));
  return status;
}

}  // namespace kindred
