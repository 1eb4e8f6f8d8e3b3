// Checks of request fields: collects what is wrong and says it as one INVALID_ARGUMENT with a BadRequest that names
// each field. Not thread-safe; made per request and, when nothing is wrong, free of allocation.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// google.protobuf.Timestamp: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
inline constexpr int64_t kMinTimestampSeconds = -62'135'596'800;
inline constexpr int64_t kMaxTimestampSeconds = 253'402'300'799;

class FieldChecks {
 public:
  // Notes that `field` (a path from the request) is wrong: "is empty, expected 1 to 1024 bytes of UTF-8".
  void Add(std::string_view field, std::string_view description);

  // Stands before every field from now on: "request." of a message within the request. Outlives this.
  void SetPrefix(std::string_view prefix) { prefix_ = prefix; }

  // A user or item id: 1 to limits::kMaxIdBytes bytes.
  void Id(std::string_view field, std::string_view value);
  // A name that may be empty.
  void Name(std::string_view field, std::string_view value, size_t max_bytes);
  void View(std::string_view field, int value);
  void Mode(std::string_view field, int value);
  // The number of items to answer with: 0 is the default, above `max` is `max`, negative is wrong.
  uint32_t PageSize(std::string_view field, int32_t value, int32_t max);
  // Up to limits::kMaxFilterIds ids.
  void Ids(std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& ids);
  // `min` to limits::kMaxEvents events, each with a good id, action, time and weight.
  void Events(std::string_view field, const google::protobuf::RepeatedPtrField<v1::Event>& events, int min);

  bool ok() const { return violations_.empty(); }
  absl::Status status() const;

 private:
  std::vector<std::pair<std::string, std::string>> violations_;  // field, description; at most kMaxViolations
  int more_ = 0;                                                 // violations beyond those
  std::string_view prefix_;
};

}  // namespace kindred
