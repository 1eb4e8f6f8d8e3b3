// A stored profile as one line of JSON, and back, without loss: what `kindred profiles export` writes and `import`
// reads. docs/api.md describes the format. Pure functions.
//
//   {"user_id":"ann","version":2,"updated_ms":1764000000000,"epoch":1,"update_ids":["order-17"],
//    "events":[{"item_id":"1127831","action":"purchase","time_ms":1764000000000,"weight":2.0,"blend_step":1,
//               "origin":7}]}
//
// Fields that are 0 or empty are left out, but for user_id, version, updated_ms, events and an event's item_id, time_ms
// and weight.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kindred/v1/profile_record.pb.h"

namespace kindred {

// Without a line end.
std::string RecordToJson(const v1::ProfileRecord& record);

// INVALID_ARGUMENT saying where in the line, what was found and what was expected: not JSON, a field that there is not,
// one of the wrong kind, no user_id or version, an event without item_id or time_ms. A weight that is left out is 1.
absl::StatusOr<v1::ProfileRecord> RecordFromJson(std::string_view line);

}  // namespace kindred
