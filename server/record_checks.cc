#include "server/record_checks.h"

#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "server/limits.h"

namespace kindred {
namespace {

constexpr int64_t kMinTimeMs = kMinTimestampSeconds * 1'000;
constexpr int64_t kMaxTimeMs = kMaxTimestampSeconds * 1'000 + 999;

void CheckTime(const std::string& field, int64_t time_ms, FieldChecks* checks) {
  if (time_ms >= kMinTimeMs && time_ms <= kMaxTimeMs) return;
  checks->Add(field, absl::StrFormat("is %d, expected a time in years 1 to 9999, in milliseconds since 1970", time_ms));
}

void CheckCount(const std::string& field, uint64_t count, uint64_t max, std::string_view of, FieldChecks* checks) {
  if (count <= max) return;
  checks->Add(field, absl::StrFormat("has %d %s, expected at most %d", count, of, max));
}

void CheckNumber(const std::string& field, uint64_t number, FieldChecks* checks) {
  if (number <= limits::kMaxImportVersion) return;
  checks->Add(field, absl::StrFormat("is %d, expected at most %d", number, limits::kMaxImportVersion));
}

// In their order, so that what the store reads back is what it would have written.
void CheckOrder(const std::string& field, const v1::EventRecord& event, const v1::EventRecord* before,
                FieldChecks* checks) {
  const uint32_t step = before == nullptr ? 0 : before->blend_step();
  const bool next_step = before != nullptr && event.blend_step() == step + 1;
  if (event.blend_step() != step && !next_step) {
    checks->Add(field + "blend_step",
                absl::StrFormat("is %d, expected %d%s: steps count up from 0 without gaps", event.blend_step(), step,
                                before == nullptr ? "" : absl::StrFormat(" or %d", step + 1)));
  } else if (before != nullptr && !next_step && event.time_ms() < before->time_ms()) {
    checks->Add(field + "time_ms", absl::StrFormat("is %d, before that of the event before it, %d: expected them in "
                                                   "order of time within a step",
                                                   event.time_ms(), before->time_ms()));
  }
}

void CheckEvents(const std::string& prefix, const v1::ProfileRecord& record, const ProfileLimits& limits,
                 FieldChecks* checks) {
  CheckCount(prefix + "events", record.events_size(), limits.max_events, "events", checks);
  const v1::EventRecord* before = nullptr;
  for (int i = 0; i < record.events_size(); ++i) {
    const v1::EventRecord& event = record.events(i);
    const std::string field = absl::StrFormat("%sevents[%d].", prefix, i);
    checks->Id(field + "item_id", event.item_id());
    checks->Name(field + "action", event.action(), limits::kMaxActionBytes);
    CheckTime(field + "time_ms", event.time_ms(), checks);
    if (!std::isfinite(event.weight()) || event.weight() <= 0) {
      checks->Add(field + "weight", absl::StrFormat("is %g, expected a finite number above 0", event.weight()));
    }
    CheckOrder(field, event, before, checks);
    before = &event;
  }
  if (before != nullptr)
    CheckCount(prefix + "events", before->blend_step() + 1, limits.max_blend_steps, "steps", checks);
}

void CheckUpdateIds(const std::string& prefix, const v1::ProfileRecord& record, const ProfileLimits& limits,
                    FieldChecks* checks) {
  CheckCount(prefix + "update_ids", record.update_ids_size(), limits.max_update_ids, "ids", checks);
  std::set<std::string_view> seen;
  for (int i = 0; i < record.update_ids_size(); ++i) {
    const std::string& id = record.update_ids(i);
    const std::string field = absl::StrFormat("%supdate_ids[%d]", prefix, i);
    checks->Name(field, id, limits::kMaxUpdateIdBytes);
    if (id.empty()) checks->Add(field, "is empty");
    if (!seen.insert(id).second) checks->Add(field, "is there twice");
  }
}

}  // namespace

void CheckRecord(std::string_view field, const v1::ProfileRecord& record, const ProfileLimits& limits,
                 FieldChecks* checks) {
  const std::string prefix = StrCat(field, ".");
  checks->Id(prefix + "user_id", record.user_id());
  CheckNumber(prefix + "version", record.version(), checks);
  CheckNumber(prefix + "epoch", record.epoch(), checks);
  CheckTime(prefix + "updated_ms", record.updated_ms(), checks);
  if (record.version() == 0 && (record.epoch() == 0 || record.events_size() > 0 || record.update_ids_size() > 0)) {
    checks->Add(prefix + "version", "is 0, expected 1 or more; or, for a deletion, an epoch above 0 and no events");
  }
  CheckEvents(prefix, record, limits, checks);
  CheckUpdateIds(prefix, record, limits, checks);
}

}  // namespace kindred
