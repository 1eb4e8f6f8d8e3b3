#include "server/request_events.h"

#include <chrono>

namespace kindred {
namespace {

int64_t TimeMs(const v1::Event& event, int64_t now_ms) {
  if (!event.has_time()) return now_ms;
  return event.time().seconds() * 1000 + event.time().nanos() / 1'000'000;
}

double Weight(const v1::Event& event) { return event.has_weight() ? event.weight() : 1.0; }

}  // namespace

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void AppendEventViews(const RequestEvents& events, int64_t now_ms, std::vector<EventView>* views) {
  views->reserve(views->size() + events.size());
  for (const v1::Event& event : events) {
    views->push_back({event.item_id(), Weight(event), event.action(), TimeMs(event, now_ms)});
  }
}

void AppendEvents(const RequestEvents& events, int64_t now_ms, std::vector<Event>* out) {
  out->reserve(out->size() + events.size());
  for (const v1::Event& event : events) {
    out->push_back({event.item_id(), event.action(), TimeMs(event, now_ms), Weight(event)});
  }
}

}  // namespace kindred
