// The order and the limits that the events of every profile keep, however they came into it. Plain functions.
#pragma once

#include <cstdint>
#include <vector>

#include "core/profile/profile.h"

namespace kindred {

// Erases from the front until at most `limit` elements are left.
template <typename T>
void KeepLast(uint32_t limit, std::vector<T>* values) {
  if (values->size() > limit) values->erase(values->begin(), values->end() - limit);
}

// Into ascending (blend_step, time_ms); stable. O(events) when they are in order already, as they almost always are.
void SortEvents(std::vector<Event>* events);

// Drops the oldest events of the smallest step beyond the limit, renumbers the steps from 0 without gaps, and makes one
// of the two oldest while there are too many. REQUIRES: sorted. O(events), and a sort where steps were joined.
void LimitEvents(const ProfileLimits& limits, std::vector<Event>* events);

}  // namespace kindred
