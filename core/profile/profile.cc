#include "core/profile/profile.h"

#include <algorithm>

#include "core/profile/count.h"
#include "core/profile/event_history.h"

namespace kindred {
namespace {

// An event of the update, but for its time: where the caller gave none, each try has another.
bool IsOf(const ProfileUpdate& update, const Event& event) {
  if (event.origin != update.origin) return false;
  return std::any_of(update.events.begin(), update.events.end(), [&](const Event& own) {
    return own.item_id == event.item_id && own.action == event.action && own.weight == event.weight;
  });
}

bool WasApplied(const ProfileUpdate& update, const Profile& profile) {
  if (update.update_id.empty()) return false;
  const auto& known = profile.update_ids;
  if (std::find(known.begin(), known.end(), update.update_id) != known.end()) return true;
  return update.origin != 0 && std::any_of(profile.events.begin(), profile.events.end(),
                                           [&](const Event& event) { return IsOf(update, event); });
}

}  // namespace

bool ApplyUpdate(const ProfileUpdate& update, const ProfileLimits& limits, Profile* profile) {
  if (WasApplied(update, *profile)) return false;
  if (profile->version == 0) profile->user_id = update.user_id;

  auto& events = profile->events;
  const uint32_t newest = events.empty() ? 0 : events.back().blend_step;
  const uint32_t step = update.mode == UpdateMode::kBlend && !events.empty() ? newest + 1 : newest;
  events.reserve(events.size() + update.events.size());
  for (const Event& event : update.events) {
    Event& added = events.emplace_back(event);
    added.blend_step = step;
    added.origin = update.origin;
  }
  SortEvents(&events);
  LimitEvents(limits, &events);

  if (!update.update_id.empty()) {
    profile->update_ids.push_back(update.update_id);
    KeepLast(limits.max_update_ids, &profile->update_ids);
  }
  profile->updated_ms = update.now_ms;
  profile->version = CountUp(profile->version);
  return true;
}

}  // namespace kindred
