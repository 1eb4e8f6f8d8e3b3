#include "server/profiles/read_flights.h"

#include <utility>

namespace kindred {

ReadFlights::Joined ReadFlights::JoinOrStart(std::string_view user_id, Clock::time_point deadline,
                                             Clock::time_point latest, ReadWaiter* waiter,
                                             std::shared_ptr<ReadFlight>* flight) {
  Shard& shard = ShardOf(user_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.flights.find(user_id);
  const bool beside = at != shard.flights.end();
  if (beside) {
    ReadFlight& under_way = *at->second;
    if (waiter->out == nullptr) return Joined::kWaits;  // a refresh; this is as good
    if (under_way.deadline <= latest) {
      under_way.waiters.push_back(std::move(*waiter));
      return Joined::kWaits;
    }
    if (under_way.short_one) return Joined::kTooLate;
  }
  *flight = std::make_shared<ReadFlight>();
  (*flight)->user_id = user_id;
  (*flight)->deadline = deadline;
  (*flight)->first = std::move(*waiter);
  (*flight)->short_one = beside;
  // The longer one is not joined any more; who waits for it is told by its Finish.
  if (beside) shard.flights.erase(at);
  shard.flights.emplace((*flight)->user_id, *flight);
  return Joined::kStarted;
}

std::vector<ReadWaiter> ReadFlights::Finish(ReadFlight* flight) {
  Shard& shard = ShardOf(flight->user_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.flights.find(flight->user_id);
  if (at != shard.flights.end() && at->second.get() == flight) shard.flights.erase(at);
  return std::move(flight->waiters);
}

}  // namespace kindred
