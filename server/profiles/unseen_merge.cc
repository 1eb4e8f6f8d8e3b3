#include "server/profiles/unseen_merge.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/profile/count.h"
#include "core/profile/merge.h"

namespace kindred {
namespace {

// The latest time at which something may have happened that was deleted before `profile` began.
int64_t DeletedUntil(const Profile& profile) {
  if (profile.version == 0) return profile.updated_ms;
  int64_t first_ms = INT64_MAX;
  for (const Event& event : profile.events) first_ms = std::min(first_ms, event.time_ms);
  return first_ms - 1;
}

// Makes the steps 0, 1, 2, … again after some are gone. REQUIRES: ascending.
void CloseGaps(std::vector<Event>* events) {
  uint32_t step = 0, last = events->empty() ? 0 : events->front().blend_step;
  for (Event& event : *events) {
    if (event.blend_step != last) ++step;
    last = std::exchange(event.blend_step, step);
  }
}

}  // namespace

bool MergeUnseen(const Profile& other, const ProfileLimits& limits, Profile* into) {
  if (other.epoch < into->epoch) return false;
  if (into->version == 0 && other.version > 0) {
    // This deletion had reached Redis before, its reply was lost, and somebody has built on it.
    if (other.epoch == into->epoch && DeletedUntil(other) >= into->updated_ms) {
      return MergeProfile(other, limits, into);
    }
    into->epoch = CountUp(other.epoch);
    return true;
  }
  const bool deleted_later = other.version == 0 && into->updated_ms <= other.updated_ms;
  if (other.epoch == into->epoch || into->version == 0 || deleted_later) return MergeProfile(other, limits, into);
  Profile rest = *into;
  std::erase_if(rest.events, [until = DeletedUntil(other)](const Event& event) { return event.time_ms <= until; });
  if (rest.events.empty()) return MergeProfile(other, limits, into);
  CloseGaps(&rest.events);
  rest.epoch = other.epoch;
  MergeProfile(other, limits, &rest);
  *into = std::move(rest);
  return true;
}

}  // namespace kindred
