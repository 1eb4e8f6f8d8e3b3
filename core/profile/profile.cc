#include "core/profile/profile.h"

#include <algorithm>

namespace kindred {
namespace {

// Erases from the front until at most `limit` elements are left.
template <typename T>
void KeepLast(uint32_t limit, std::vector<T>* values) {
  if (values->size() > limit) values->erase(values->begin(), values->end() - limit);
}

bool EarlierEvent(const Event& a, const Event& b) { return a.time_ms < b.time_ms; }

}  // namespace

bool ApplyUpdate(const ProfileUpdate& update, const ProfileLimits& limits, Profile* profile) {
  if (!update.update_id.empty()) {
    const auto& known = profile->update_ids;
    if (std::find(known.begin(), known.end(), update.update_id) != known.end()) return false;
  }
  if (profile->version == 0) profile->user_id = update.user_id;

  auto& events = profile->events;
  events.insert(events.end(), update.events.begin(), update.events.end());
  // Almost always new events are the latest and in order already.
  if (!std::is_sorted(events.begin(), events.end(), EarlierEvent)) {
    std::stable_sort(events.begin(), events.end(), EarlierEvent);
  }
  KeepLast(limits.max_events, &events);

  if (!update.update_id.empty()) {
    profile->update_ids.push_back(update.update_id);
    KeepLast(limits.max_update_ids, &profile->update_ids);
  }
  profile->updated_ms = update.now_ms;
  ++profile->version;
  return true;
}

}  // namespace kindred
