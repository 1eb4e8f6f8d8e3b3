#include "server/profiles/near_cache.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kindred {
namespace {

// Strings up to this length need no memory of their own (libstdc++).
constexpr size_t kInlineString = 15;
// A node of the list and one of the index, with what the allocator adds.
constexpr uint64_t kEntryOverhead = 160;

uint64_t HeapBytes(const std::string& text) { return text.capacity() > kInlineString ? text.capacity() + 17 : 0; }

uint64_t BytesOf(const Profile* profile) {
  if (profile == nullptr) return 0;
  uint64_t bytes = sizeof(Profile) + 32 + HeapBytes(profile->user_id) + profile->events.capacity() * sizeof(Event) +
                   profile->update_ids.capacity() * sizeof(std::string);
  for (const Event& event : profile->events) bytes += HeapBytes(event.item_id) + HeapBytes(event.action);
  for (const std::string& id : profile->update_ids) bytes += HeapBytes(id);
  return bytes;
}

// xorshift64: spreads refreshes, no more is asked of it.
uint64_t NextRandom(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

}  // namespace

bool IsNewer(const Profile* a, const Profile* b) {
  if (a == nullptr || b == nullptr) return a != nullptr;
  return a->epoch != b->epoch ? a->epoch > b->epoch : a->version > b->version;
}

NearCache::NearCache(const NearCacheOptions& options) : options_(options), shards_(std::max(options.shards, 1u)) {
  for (size_t i = 0; i < shards_.size(); ++i) shards_[i].random = 0x9E3779B97F4A7C15u * (i + 1);
}

NearCache::Found NearCache::Find(std::string_view user_id, TimePoint now) {
  Found found;
  Shard& shard = ShardOf(user_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.index.find(user_id);
  if (at == shard.index.end()) return found;
  Entry& entry = *at->second;
  found.known = entry.known;
  if (entry.pinned) {
    found.state = State::kPinned;
    return found;
  }
  shard.loaded.splice(shard.loaded.begin(), shard.loaded, at->second);
  found.state = now < entry.expires ? State::kFresh : State::kExpired;
  if (found.state == State::kFresh && now >= entry.refresh_at) {
    found.refresh = true;
    entry.refresh_at = entry.expires;
  }
  return found;
}

void NearCache::Load(std::string_view user_id, KnownValue known, TimePoint now) {
  Shard& shard = ShardOf(user_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.index.find(user_id);
  if (at != shard.index.end()) {
    const Entry& entry = *at->second;
    if (entry.pinned) return;
    if (now < entry.expires && IsNewer(entry.known.profile.get(), known.profile.get())) return;
    shard.loaded.splice(shard.loaded.begin(), shard.loaded, at->second);
  } else {
    shard.loaded.emplace_front().user_id = user_id;
    shard.index.emplace(shard.loaded.front().user_id, shard.loaded.begin());
  }
  Fill(&shard, shard.loaded.begin(), std::move(known), now);
  Evict(&shard);
}

KnownValue NearCache::Pin(std::string_view user_id, SharedProfile profile) {
  KnownValue before;
  Shard& shard = ShardOf(user_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.index.find(user_id);
  if (at == shard.index.end()) {
    shard.pinned.emplace_front().user_id = user_id;
    shard.index.emplace(shard.pinned.front().user_id, shard.pinned.begin());
    shard.pinned.front().pinned = true;
    shard.pinned.front().known.profile = std::move(profile);
    return before;
  }
  Entry& entry = *at->second;
  if (!entry.pinned) {
    before = std::move(entry.known);
    shard.bytes -= entry.bytes;
    entry.bytes = 0;
    entry.pinned = true;
    shard.pinned.splice(shard.pinned.begin(), shard.loaded, at->second);
  }
  entry.known = {std::move(profile), 0};
  return before;
}

void NearCache::Repin(std::string_view user_id, const SharedProfile& profile, SharedProfile with) {
  Shard& shard = ShardOf(user_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.index.find(user_id);
  if (at == shard.index.end() || !at->second->pinned || at->second->known.profile != profile) return;
  at->second->known.profile = std::move(with);
}

void NearCache::Unpin(std::string_view user_id, const KnownValue& known, TimePoint now) {
  Shard& shard = ShardOf(user_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.index.find(user_id);
  if (at == shard.index.end() || !at->second->pinned || at->second->known.profile != known.profile) return;
  at->second->pinned = false;
  shard.loaded.splice(shard.loaded.begin(), shard.pinned, at->second);
  Fill(&shard, shard.loaded.begin(), known, now);
  Evict(&shard);
}

void NearCache::Fill(Shard* shard, Entries::iterator entry, KnownValue known, TimePoint now) const {
  shard->bytes -= entry->bytes;
  entry->bytes = kEntryOverhead + HeapBytes(entry->user_id) + BytesOf(known.profile.get());
  shard->bytes += entry->bytes;
  const auto ttl = known.profile == nullptr ? options_.negative_ttl : options_.ttl;
  entry->known = std::move(known);
  entry->expires = now + ttl;
  // Between 60 and 90 % of the time, at random: what was loaded together is not loaded again together.
  entry->refresh_at = now + ttl * static_cast<int64_t>(600 + NextRandom(&shard->random) % 300) / 1000;
}

void NearCache::Evict(Shard* shard) const {
  const uint64_t limit = options_.max_bytes / shards_.size();
  while (shard->bytes > limit && !shard->loaded.empty()) {
    const auto last = std::prev(shard->loaded.end());
    shard->bytes -= last->bytes;
    shard->index.erase(last->user_id);
    shard->loaded.erase(last);
  }
}

uint64_t NearCache::bytes() const {
  uint64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.bytes;
  }
  return total;
}

uint64_t NearCache::entries() const {
  uint64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.index.size();
  }
  return total;
}

}  // namespace kindred
