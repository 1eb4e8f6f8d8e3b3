#include "core/profile/event_history.h"

#include <algorithm>

namespace kindred {
namespace {

bool EarlierEvent(const Event& a, const Event& b) {
  return a.blend_step != b.blend_step ? a.blend_step < b.blend_step : a.time_ms < b.time_ms;
}

// Makes the steps 0, 1, 2, … and at most `limit` of them, the oldest joined.
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

void SortEvents(std::vector<Event>* events) {
  if (!std::is_sorted(events->begin(), events->end(), EarlierEvent)) {
    std::stable_sort(events->begin(), events->end(), EarlierEvent);
  }
}

void LimitEvents(const ProfileLimits& limits, std::vector<Event>* events) {
  KeepLast(limits.max_events, events);
  CompactSteps(limits.max_blend_steps, events);
}

}  // namespace kindred
