#include "core/profile/merge.h"

#include <algorithm>
#include <bit>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "core/profile/count.h"
#include "core/profile/event_history.h"

namespace kindred {
namespace {

// What sets an event apart from others, but for the time and the step of one whose update is known.
auto Identity(const Event& event) {
  return std::tuple(event.origin, std::string_view(event.item_id), std::string_view(event.action),
                    std::bit_cast<uint64_t>(event.weight), event.origin == 0 ? event.time_ms : 0);
}

bool EarlierOrIdentityLess(const Event& a, const Event& b) {
  if (a.blend_step != b.blend_step) return a.blend_step < b.blend_step;
  if (a.time_ms != b.time_ms) return a.time_ms < b.time_ms;
  return Identity(a) < Identity(b);
}

// The events of one copy, the same ones next to one another, the earlier first.
std::vector<const Event*> ByIdentity(const std::vector<Event>& events) {
  std::vector<const Event*> sorted;
  sorted.reserve(events.size());
  for (const Event& event : events) sorted.push_back(&event);
  std::sort(sorted.begin(), sorted.end(), [](const Event* a, const Event* b) {
    const auto x = Identity(*a), y = Identity(*b);
    return x != y ? x < y : std::pair(a->time_ms, a->blend_step) < std::pair(b->time_ms, b->blend_step);
  });
  return sorted;
}

// An event of one copy or of both; null where it is not.
struct Pair {
  const Event* a;
  const Event* b;
};

// Every event as often as the copy that has it more often.
std::vector<Pair> Unite(const std::vector<Event>& a_events, const std::vector<Event>& b_events) {
  const std::vector<const Event*> a = ByIdentity(a_events), b = ByIdentity(b_events);
  std::vector<Pair> pairs;
  pairs.reserve(a.size() + b.size());
  for (size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const bool only_b = i == a.size() || (j < b.size() && Identity(*b[j]) < Identity(*a[i]));
    const bool only_a = j == b.size() || (i < a.size() && Identity(*a[i]) < Identity(*b[j]));
    pairs.push_back({only_b ? nullptr : a[i], only_a ? nullptr : b[j]});
    if (!only_b) ++i;
    if (!only_a) ++j;
  }
  return pairs;
}

// A copy that dropped its first steps counts the others from 0 again. How far its steps lie below those of the other
// copy is seen from the events that both have: above 0, a's steps are to be raised by it; below 0, b's. 0 where they do
// not say the same.
int64_t StepsToRaise(const std::vector<Pair>& pairs) {
  int64_t least = INT64_MAX, most = INT64_MIN;
  for (const Pair& pair : pairs) {
    if (pair.a == nullptr || pair.b == nullptr) continue;
    const int64_t difference = int64_t{pair.b->blend_step} - pair.a->blend_step;
    least = std::min(least, difference);
    most = std::max(most, difference);
  }
  if (least > most) return 0;
  return least > 0 ? least : std::min<int64_t>(most, 0);
}

std::vector<Event> MergeEvents(const std::vector<Event>& a, const std::vector<Event>& b, const ProfileLimits& limits) {
  const std::vector<Pair> pairs = Unite(a, b);
  const int64_t raise = StepsToRaise(pairs);
  const auto raise_a = static_cast<uint32_t>(std::max<int64_t>(raise, 0));
  const auto raise_b = static_cast<uint32_t>(std::max<int64_t>(-raise, 0));
  std::vector<Event> events;
  events.reserve(pairs.size());
  for (const Pair& pair : pairs) {
    Event& event = events.emplace_back(pair.a != nullptr ? *pair.a : *pair.b);
    uint32_t step = UINT32_MAX;
    if (pair.a != nullptr) step = pair.a->blend_step + raise_a;
    if (pair.b != nullptr) {
      // The lower of both, so that merging an older copy again changes nothing: as gaps close, steps only go down.
      step = std::min(step, pair.b->blend_step + raise_b);
      event.time_ms = std::min(event.time_ms, pair.b->time_ms);
    }
    event.blend_step = step;
  }
  std::sort(events.begin(), events.end(), EarlierOrIdentityLess);
  LimitEvents(limits, &events);
  return events;
}

// Whether the order of simultaneous events is all that sets them apart.
bool SameEvents(const std::vector<Event>& a, const std::vector<Event>& b) {
  if (a.size() != b.size()) return false;
  if (a == b) return true;
  const std::vector<const Event*> x = ByIdentity(a), y = ByIdentity(b);
  return std::equal(x.begin(), x.end(), y.begin(), [](const Event* p, const Event* q) { return *p == *q; });
}

bool OrderedBefore(const std::vector<Event>& a, const std::vector<Event>& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), EarlierOrIdentityLess);
}

bool OrderedBefore(const std::vector<std::string>& a, const std::vector<std::string>& b) { return a < b; }

// An id is as young as in the copy where it is younger.
std::vector<std::string> MergeIds(const std::vector<std::string>& a, const std::vector<std::string>& b,
                                  const ProfileLimits& limits) {
  std::unordered_map<std::string_view, size_t> ages;
  for (const auto* ids : {&a, &b}) {
    for (size_t i = 0; i < ids->size(); ++i) {
      const size_t age = ids->size() - 1 - i;
      const auto [entry, fresh] = ages.try_emplace((*ids)[i], age);
      if (!fresh) entry->second = std::min(entry->second, age);
    }
  }
  std::vector<std::pair<std::string_view, size_t>> order(ages.begin(), ages.end());
  std::sort(order.begin(), order.end(), [](const auto& x, const auto& y) {
    return x.second != y.second ? x.second > y.second : x.first < y.first;
  });
  KeepLast(limits.max_update_ids, &order);
  std::vector<std::string> merged;
  merged.reserve(order.size());
  for (const auto& [id, age] : order) merged.emplace_back(id);
  return merged;
}

bool SameIds(std::vector<std::string> a, std::vector<std::string> b) {
  if (a.size() != b.size()) return false;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

// Whether the merged values say no more than those of one copy, or of both.
struct Sameness {
  bool as_other, as_into;
};

// Puts `merged` into `into`, but keeps the order of a copy that has it all.
template <typename T>
void Choose(std::vector<T> merged, Sameness same, const std::vector<T>& other, std::vector<T>* into) {
  if (same.as_into && !(same.as_other && OrderedBefore(other, *into))) return;
  *into = same.as_other ? other : std::move(merged);
}

bool WithinLimits(const Profile& profile, const ProfileLimits& limits) {
  return profile.events.size() <= limits.max_events && profile.update_ids.size() <= limits.max_update_ids &&
         (profile.events.empty() || profile.events.back().blend_step < std::max(limits.max_blend_steps, 1u));
}

}  // namespace

bool MergeProfile(const Profile& other, const ProfileLimits& limits, Profile* into) {
  if (other.epoch < into->epoch) return false;
  if (other.epoch > into->epoch) {
    *into = other;
    return true;
  }
  if (other.version == 0) return false;
  if (into->version == 0) {
    *into = other;
    return true;
  }
  if (*into == other && WithinLimits(other, limits)) return false;

  const Profile before = *into;
  std::vector<Event> events = MergeEvents(other.events, before.events, limits);
  std::vector<std::string> ids = MergeIds(other.update_ids, before.update_ids, limits);
  const Sameness same_events{SameEvents(events, other.events), SameEvents(events, before.events)};
  const Sameness same_ids{SameIds(ids, other.update_ids), SameIds(ids, before.update_ids)};
  Choose(std::move(events), same_events, other.events, &into->events);
  Choose(std::move(ids), same_ids, other.update_ids, &into->update_ids);
  into->updated_ms = std::max(other.updated_ms, before.updated_ms);
  into->version = std::max(other.version, before.version);
  const bool as_other = same_events.as_other && same_ids.as_other && other.version == into->version;
  const bool as_into = same_events.as_into && same_ids.as_into && before.version == into->version;
  if (!as_other && !as_into) into->version = CountUp(into->version);
  return *into != before;
}

}  // namespace kindred
