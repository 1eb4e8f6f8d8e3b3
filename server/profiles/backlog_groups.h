// The profiles that wait for Redis, in groups that succeed or fail together: in a cluster each 64 slots, since slots
// move from one master to another by ranges; otherwise all of them. Pure, and thread-safe as such.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/str_cat.h"
#include "server/redis/key_slot.h"

namespace kindred {

class BacklogGroups {
 public:
  // One group.
  BacklogGroups() = default;
  // `cluster`: as many as a cluster needs; otherwise one.
  BacklogGroups(bool cluster, std::string key_prefix) : count_(cluster ? 256 : 1), key_prefix_(std::move(key_prefix)) {}

  uint32_t count() const { return count_; }
  // Below count().
  uint32_t Of(std::string_view user_id) const {
    return count_ == 1 ? 0 : redis::KeySlot(StrCat(key_prefix_, user_id)) / (redis::kSlots / count_);
  }

 private:
  uint32_t count_ = 1;
  std::string key_prefix_;
};

}  // namespace kindred
