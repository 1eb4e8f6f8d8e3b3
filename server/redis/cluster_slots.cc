#include "server/redis/cluster_slots.h"

#include <bitset>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "core/base/str_cat.h"

namespace kindred::redis {
namespace {

bool IsInteger(const Reply& reply, int64_t first, int64_t last) {
  return reply.ok() && reply.type == Reply::Type::kInteger && reply.integer >= first && reply.integer <= last;
}

bool IsArray(const Reply& reply, size_t least) {
  return reply.ok() && reply.type == Reply::Type::kArray && reply.elements.size() >= least;
}

}  // namespace

absl::StatusOr<std::vector<SlotRange>> ParseClusterSlots(const Reply& reply, const Endpoint& asked) {
  const auto malformed = [](const std::string& what) {
    return absl::InvalidArgumentError(StrCat("the reply to CLUSTER SLOTS is not as expected: ", what));
  };
  if (!IsArray(reply, 0)) return malformed("no array");
  std::vector<SlotRange> ranges;
  ranges.reserve(reply.elements.size());
  std::bitset<kSlots> seen;
  for (const Reply& entry : reply.elements) {
    if (!IsArray(entry, 3)) return malformed("a range of fewer than three elements");
    const Reply& first = entry.elements[0];
    const Reply& last = entry.elements[1];
    const Reply& master = entry.elements[2];
    if (!IsInteger(first, 0, kSlots - 1) || !IsInteger(last, first.integer, kSlots - 1)) {
      return malformed(StrCat("a range from ", first.integer, " to ", last.integer));
    }
    if (!IsArray(master, 2) || !IsInteger(master.elements[1], 0, 65535)) return malformed("a master without a port");
    for (int64_t slot = first.integer; slot <= last.integer; ++slot) {
      if (seen.test(static_cast<size_t>(slot))) return malformed(StrCat("slot ", slot, " twice"));
      seen.set(static_cast<size_t>(slot));
    }
    const Reply& host = master.elements[0];
    const bool known = host.ok() && (host.type == Reply::Type::kString || host.type == Reply::Type::kStatus);
    if (!known && host.type != Reply::Type::kNil) return malformed("a master whose host is no string");
    SlotRange range;
    range.first = static_cast<uint16_t>(first.integer);
    range.last = static_cast<uint16_t>(last.integer);
    range.master.host = known && !host.text.empty() ? host.text : asked.host;
    range.master.port = static_cast<uint16_t>(master.elements[1].integer);
    if (range.master.host == "?" || range.master.port == 0) continue;
    ranges.push_back(std::move(range));
  }
  return ranges;
}

}  // namespace kindred::redis
