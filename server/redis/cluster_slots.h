// What CLUSTER SLOTS says: which master has which slots. Pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/redis/client.h"
#include "server/redis/endpoint.h"
#include "server/redis/key_slot.h"

namespace kindred::redis {

struct SlotRange {
  uint16_t first = 0, last = 0;  // both included
  Endpoint master;

  friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

// The ranges of a reply of `asked`. Replicas are left out; a master that does not know its own address is `asked`.
// INVALID_ARGUMENT for anything that is no such reply, also when ranges overlap. A master without an address that can
// be reached ("?") leaves its slots without one. O(elements).
absl::StatusOr<std::vector<SlotRange>> ParseClusterSlots(const Reply& reply, const Endpoint& asked);

}  // namespace kindred::redis
