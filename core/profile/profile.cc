#include "core/profile/profile.h"

#include <algorithm>

namespace kindred {
namespace {

// Erases from the front until at most `limit` elements are left.
template <typename T>
void KeepLast(uint32_t limit, std::vector<T>* values) {
  if (values->size() > limit) values->erase(values->begin(), values->end() - limit);
}

bool EarlierEvent(const Event& a, const Event& b) {
  return a.blend_step != b.blend_step ? a.blend_step < b.blend_step : a.time_ms < b.time_ms;
}

// Almost always new events are the latest and in order already.
void SortEvents(std::vector<Event>* events) {
  if (!std::is_sorted(events->begin(), events->end(), EarlierEvent)) {
    std::stable_sort(events->begin(), events->end(), EarlierEvent);
  }
}

// Makes the steps 0, 1, 2, … and at most `limit` of them, the oldest joined. REQUIRES: sorted.
void CompactSteps(uint32_t limit, std::vector<Event>* events) {
  uint32_t steps = 0, last = 0;
  for (Event& event : *events) {
    if (steps == 0 || event.blend_step != last) ++steps;
    last = event.blend_step;
    event.blend_step = steps - 1;
  }
  limit = std::max(limit, 1u);
  if (steps <= limit) return;
  const uint32_t joined = steps - limit;
  for (Event& event : *events) event.blend_step -= std::min(event.blend_step, joined);
  SortEvents(events);
}

}  // namespace

bool ApplyUpdate(const ProfileUpdate& update, const ProfileLimits& limits, Profile* profile) {
  if (!update.update_id.empty()) {
    const auto& known = profile->update_ids;
    if (std::find(known.begin(), known.end(), update.update_id) != known.end()) return false;
  }
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
  KeepLast(limits.max_events, &events);
  CompactSteps(limits.max_blend_steps, &events);

  if (!update.update_id.empty()) {
    profile->update_ids.push_back(update.update_id);
    KeepLast(limits.max_update_ids, &profile->update_ids);
  }
  profile->updated_ms = update.now_ms;
  ++profile->version;
  return true;
}

}  // namespace kindred
