#include "core/engine/distinct_ids.h"

#include <bit>

#include "absl/hash/hash.h"

namespace kindred {

void KeepFirstOfEach(std::vector<std::string_view>* ids, std::vector<uint32_t>* slots) {
  if (ids->size() < 2) return;
  // The hash is another in each process, so that nobody can choose ids that collide. Open addressing at most half full:
  // place + 1 of the id in what is kept, 0 where there is none.
  const uint64_t mask = std::bit_ceil(2 * ids->size()) - 1;
  slots->assign(mask + 1, 0);
  size_t kept = 0;
  for (size_t i = 0; i < ids->size(); ++i) {
    const std::string_view id = (*ids)[i];
    uint64_t at = absl::HashOf(id) & mask;
    while ((*slots)[at] != 0 && (*ids)[(*slots)[at] - 1] != id) at = (at + 1) & mask;
    if ((*slots)[at] != 0) continue;
    (*ids)[kept++] = id;
    (*slots)[at] = static_cast<uint32_t>(kept);
  }
  ids->resize(kept);
}

}  // namespace kindred
