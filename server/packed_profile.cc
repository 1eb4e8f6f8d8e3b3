#include "server/packed_profile.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "core/profile/count.h"
#include "server/field_checks.h"
#include "server/limits.h"
#include "server/profile_store.h"

namespace kindred {
namespace {

// The place of `value` among those that were there before, or at their end.
template <typename Values, typename Value>
uint32_t PlaceOf(const Value& value, Values* values) {
  for (int i = 0; i < values->size(); ++i) {
    if (values->Get(i) == value) return i;
  }
  *values->Add() = value;
  return values->size() - 1;
}

// Sums wrap, so that any two times have a difference.
int64_t Difference(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) - b); }
int64_t Sum(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + b); }

bool IsId(const std::string& id, size_t max_bytes) { return !id.empty() && id.size() <= max_bytes; }

bool IsTime(int64_t time_ms) {
  return time_ms >= kMinTimestampSeconds * 1000 && time_ms <= kMaxTimestampSeconds * 1000 + 999;
}

// Whether a column of dictionary places fits `n` events.
template <typename Places>
bool FitPlaces(const Places& places, int values, int n) {
  if (places.empty()) return values > 0 || n == 0;
  if (places.size() != n) return false;
  for (const uint32_t place : places) {
    if (place >= static_cast<uint32_t>(values)) return false;
  }
  return true;
}

bool FitColumns(const v1::PackedProfile& packed) {
  const int n = packed.item_ids_size();
  uint64_t in_steps = 0;
  for (const uint32_t size : packed.step_sizes()) {
    if (size == 0) return false;
    in_steps += size;
  }
  return packed.time_deltas_size() == n && in_steps == static_cast<uint64_t>(n) &&
         (packed.origins().empty() || packed.origins_size() == n) &&
         FitPlaces(packed.action_places(), packed.actions_size(), n) &&
         FitPlaces(packed.weight_places(), packed.weights_size(), n);
}

bool AreSound(const v1::PackedProfile& packed) {
  if (!IsId(packed.user_id(), limits::kMaxIdBytes) || !IsTime(packed.updated_ms())) return false;
  if (packed.version() > kMaxProfileCount || packed.epoch() > kMaxProfileCount) return false;
  if (packed.version() == 0 && (packed.epoch() == 0 || packed.item_ids_size() > 0 || packed.update_ids_size() > 0)) {
    return false;
  }
  for (const std::string& id : packed.item_ids()) {
    if (!IsId(id, limits::kMaxIdBytes)) return false;
  }
  for (const std::string& id : packed.update_ids()) {
    if (!IsId(id, limits::kMaxUpdateIdBytes)) return false;
  }
  for (const std::string& action : packed.actions()) {
    if (action.size() > limits::kMaxActionBytes) return false;
  }
  for (const double weight : packed.weights()) {
    if (!std::isfinite(weight) || weight <= 0) return false;
  }
  return true;
}

bool UnpackEvents(const v1::PackedProfile& packed, std::vector<Event>* events) {
  events->resize(packed.item_ids_size());
  int64_t time_ms = 0;
  uint32_t step = 0;
  int left_in_step = packed.step_sizes().empty() ? 0 : static_cast<int>(packed.step_sizes(0));
  for (int i = 0; i < packed.item_ids_size(); ++i) {
    const bool new_step = left_in_step == 0;
    if (new_step) left_in_step = static_cast<int>(packed.step_sizes(static_cast<int>(++step)));
    --left_in_step;
    const int64_t before_ms = time_ms;
    time_ms = Sum(time_ms, packed.time_deltas(i));
    if (!IsTime(time_ms) || (i > 0 && !new_step && time_ms < before_ms)) return false;
    Event& event = (*events)[i];
    event.item_id = packed.item_ids(i);
    event.action = packed.actions(packed.action_places().empty() ? 0 : static_cast<int>(packed.action_places(i)));
    event.time_ms = time_ms;
    event.weight = packed.weights(packed.weight_places().empty() ? 0 : static_cast<int>(packed.weight_places(i)));
    event.blend_step = step;
    event.origin = packed.origins().empty() ? 0 : packed.origins(i);
  }
  return true;
}

}  // namespace

void PackProfile(const Profile& profile, size_t skip_events, size_t skip_ids, v1::PackedProfile* packed) {
  packed->Clear();
  packed->set_user_id(profile.user_id);
  packed->set_version(profile.version);
  packed->set_updated_ms(profile.updated_ms);
  packed->set_epoch(profile.epoch);
  for (size_t i = skip_ids; i < profile.update_ids.size(); ++i) packed->add_update_ids(profile.update_ids[i]);

  const Event* before = nullptr;
  bool has_origins = false;
  for (size_t i = skip_events; i < profile.events.size(); ++i) {
    const Event& event = profile.events[i];
    packed->add_item_ids(event.item_id);
    packed->add_time_deltas(Difference(event.time_ms, before == nullptr ? 0 : before->time_ms));
    if (before == nullptr || event.blend_step != before->blend_step) packed->add_step_sizes(0);
    ++*packed->mutable_step_sizes()->rbegin();
    packed->add_origins(event.origin);
    packed->add_action_places(PlaceOf(event.action, packed->mutable_actions()));
    packed->add_weight_places(PlaceOf(event.weight, packed->mutable_weights()));
    has_origins = has_origins || event.origin != 0;
    before = &event;
  }
  if (!has_origins) packed->clear_origins();
  if (packed->actions_size() == 1) packed->clear_action_places();
  if (packed->weights_size() == 1) packed->clear_weight_places();
}

bool UnpackProfile(const v1::PackedProfile& packed, Profile* profile) {
  ClearProfile(profile);
  if (!FitColumns(packed) || !AreSound(packed) || !UnpackEvents(packed, &profile->events)) {
    ClearProfile(profile);
    return false;
  }
  profile->user_id = packed.user_id();
  profile->version = packed.version();
  profile->updated_ms = packed.updated_ms();
  profile->update_ids.assign(packed.update_ids().begin(), packed.update_ids().end());
  profile->epoch = packed.epoch();
  return true;
}

}  // namespace kindred
