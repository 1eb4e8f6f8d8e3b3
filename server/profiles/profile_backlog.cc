#include "server/profiles/profile_backlog.h"

#include <utility>

#include "server/request_events.h"

namespace kindred {

ProfileBacklog::ProfileBacklog(RedisStoreStats* stats, BacklogGroups groups)
    : stats_(stats), groups_(std::move(groups)), group_replays_(groups_.count()) {
  for (auto& queues : queues_) queues.resize(groups_.count());
}

void ProfileBacklog::Add(std::string_view user_id, SharedProfile profile, KnownValue base, BacklogClass kind) {
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = entries_.try_emplace(std::string(user_id));
  Entry& entry = at->second;
  if (fresh) {
    entry.item.user_id = user_id;
    entry.item.base = std::move(base);
    entry.item.kind = kind;
    entry.item.group = groups_.Of(user_id);
    entry.since_ms = NowMs();
    entry.age = by_age_.insert(by_age_.end(), &entry);
    if (kind == BacklogClass::kReplay) CountReplay(entry, 1);
    QueueOf(entry).push_back(&entry);
  } else if (entry.item.kind == BacklogClass::kReplay && kind == BacklogClass::kFresh) {
    if (!entry.held) std::erase(QueueOf(entry), &entry);
    entry.item.kind = kind;
    CountReplay(entry, -1);
    if (!entry.held) QueueOf(entry).push_back(&entry);
  }
  entry.item.profile = std::move(profile);
  entry.item.merged = false;
  entry.item.sequence = ++sequence_;
  UpdateStats();
}

bool ProfileBacklog::Contains(std::string_view user_id) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(std::string(user_id));
}

std::optional<BacklogItem> ProfileBacklog::Next(bool replays_too, const std::function<bool(uint32_t)>& may_send) {
  const std::lock_guard lock(mutex_);
  for (std::vector<std::deque<Entry*>>& queues : queues_) {
    for (uint32_t i = 0; i < groups(); ++i) {
      const uint32_t group = (turn_ + i) % groups();
      std::deque<Entry*>& queue = queues[group];
      if (queue.empty() || (may_send && !may_send(group))) continue;
      turn_ = (group + 1) % groups();
      Entry* entry = queue.front();
      queue.pop_front();
      entry->held = true;
      return entry->item;
    }
    if (!replays_too) break;
  }
  return std::nullopt;
}

bool ProfileBacklog::Applied(const BacklogItem& item, uint64_t checksum, std::vector<Shared>* waiting) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(item.user_id);
  Entry& entry = at->second;
  TakeWaiting(&entry, item.sequence, waiting);
  if (entry.item.sequence == item.sequence) {
    if (entry.item.kind == BacklogClass::kReplay) CountReplay(entry, -1);
    by_age_.erase(entry.age);
    entries_.erase(at);
    UpdateStats();
    return true;
  }
  entry.item.base = {item.profile, checksum};
  entry.item.attempts = 0;
  entry.held = false;
  QueueOf(entry).push_back(&entry);
  return false;
}

void ProfileBacklog::Retry(const BacklogItem& item, bool behind) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(item.user_id);
  entry.item.base = item.base;
  entry.item.attempts = item.attempts;
  entry.item.sent_epoch = item.sent_epoch;
  entry.item.merged = item.merged && entry.item.sequence == item.sequence;
  entry.held = false;
  if (behind) {
    QueueOf(entry).push_back(&entry);
  } else {
    QueueOf(entry).push_front(&entry);
  }
}

bool ProfileBacklog::Replace(BacklogItem* item, SharedProfile merged) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(item->user_id);
  if (entry.item.sequence != item->sequence) {
    item->profile = entry.item.profile;
    item->kind = entry.item.kind;
    item->sequence = entry.item.sequence;
    return false;
  }
  entry.item.profile = item->profile = std::move(merged);
  return true;
}

bool ProfileBacklog::Await(std::string_view user_id, Clock::time_point deadline, Shared* done) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(std::string(user_id));
  if (at == entries_.end()) return false;
  deadlines_.emplace(deadline, at->first);
  at->second.waiting.push_back({at->second.item.sequence, deadline, std::move(*done)});
  return true;
}

std::vector<ProfileBacklog::Shared> ProfileBacklog::TakeOverdue(Clock::time_point now) {
  std::vector<Shared> overdue;
  const std::lock_guard lock(mutex_);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto at = entries_.find(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    if (at == entries_.end()) continue;  // it was told before
    std::erase_if(at->second.waiting, [&](Waiting& waiting) {
      if (waiting.deadline > now) return false;
      overdue.push_back(std::move(waiting.done));
      return true;
    });
  }
  return overdue;
}

ProfileBacklog::Clock::time_point ProfileBacklog::NextDeadline() const {
  const std::lock_guard lock(mutex_);
  return deadlines_.empty() ? Clock::time_point::max() : deadlines_.begin()->first;
}

uint64_t ProfileBacklog::replays() const {
  const std::lock_guard lock(mutex_);
  return replays_;
}

uint64_t ProfileBacklog::ReplaysLike(std::string_view user_id) const {
  const uint32_t group = groups_.Of(user_id);
  const std::lock_guard lock(mutex_);
  return group_replays_[group];
}

void ProfileBacklog::CountReplay(const Entry& entry, int64_t change) {
  replays_ += change;
  group_replays_[entry.item.group] += change;
}

void ProfileBacklog::TakeWaiting(Entry* entry, uint64_t sequence, std::vector<Shared>* out) {
  std::erase_if(entry->waiting, [&](Waiting& waiting) {
    if (waiting.sequence > sequence) return false;
    out->push_back(std::move(waiting.done));
    return true;
  });
}

void ProfileBacklog::UpdateStats() {
  stats_->backlog.store(entries_.size(), std::memory_order_relaxed);
  stats_->backlog_since_ms.store(by_age_.empty() ? 0 : by_age_.front()->since_ms, std::memory_order_relaxed);
}

}  // namespace kindred
