// Events of a request, as profiles and the engine take them. Pure functions, but for the clock.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <vector>

#include "core/engine/event_history.h"
#include "core/profile/profile.h"
#include "kindred/v1/event.pb.h"

namespace kindred {

using RequestEvents = google::protobuf::RepeatedPtrField<v1::Event>;

// The server's clock, milliseconds since the Unix epoch.
int64_t NowMs();

// Appends the events as views into the request; those without a time are of `now_ms`, those without a weight weigh 1.
void AppendEventViews(const RequestEvents& events, int64_t now_ms, std::vector<EventView>* views);
// The same as copies.
void AppendEvents(const RequestEvents& events, int64_t now_ms, std::vector<Event>* out);

}  // namespace kindred
