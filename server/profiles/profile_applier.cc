#include "server/profiles/profile_applier.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/logging.h"
#include "server/profiles/redis_scripts.h"
#include "server/profiles/stored_profile.h"
#include "server/profiles/time_to_live.h"

namespace kindred {
namespace {

constexpr std::chrono::milliseconds kFirstPause(5), kLongestPause(1000);
// Of the writes in flight, so many may be of profiles that are written again.
constexpr uint32_t kReplayShare = 2;
// What Redis has instead is merged at once so many times; then it is a failure, and has to wait.
constexpr uint32_t kMaxConflicts = 16;

// Whether a write that failed so may have been done all the same.
bool MayBeDone(redis::Failure failure) {
  return failure == redis::Failure::kTimeout || failure == redis::Failure::kConnection ||
         failure == redis::Failure::kProtocol;
}
// And so many of groups that fail.
constexpr uint32_t kFailingShare = 4;

}  // namespace

ProfileApplier::ProfileApplier(redis::Client* client, ProfileLedger* ledger, ProfileBacklog* backlog,
                               const RedisStoreOptions* options, RedisStoreStats* stats)
    : client_(client),
      ledger_(ledger),
      backlog_(backlog),
      options_(options),
      stats_(stats),
      groups_(backlog->groups()),
      thread_(&ProfileApplier::Run, this) {}

ProfileApplier::~ProfileApplier() { Stop(); }

void ProfileApplier::Wake() {
  {
    const std::lock_guard lock(mutex_);
    awake_ = true;
  }
  wake_.notify_one();
}

void ProfileApplier::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    awake_ = true;
  }
  wake_.notify_one();
}

void ProfileApplier::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = awake_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ProfileApplier::Run() {
  pthread_setname_np(pthread_self(), "profile-applier");
  std::vector<WritePtr> answered;
  std::vector<std::function<void()>> tasks;
  for (bool stopping = false; !stopping || in_flight_ > 0;) {
    const Clock::time_point now = Clock::now();
    const Clock::time_point until = std::min(NextRestEnd(now), backlog_->NextDeadline());
    {
      std::unique_lock lock(mutex_);
      // Not wait_until(max()), which overflows in libstdc++.
      wake_.wait_for(lock, std::min<Clock::duration>(until - now, std::chrono::hours(1)), [this] { return awake_; });
      awake_ = false;
      stopping = closing_ = stopping_;
      answered.swap(answered_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
    tasks.clear();
    for (const WritePtr& write : answered) HandleReply(write);
    answered.clear();
    SettleAll();
    for (const auto& done : backlog_->TakeOverdue(Clock::now())) done(false);
    if (!stopping) Fill();
    SettleAll();
  }
  for (const auto& done : backlog_->TakeOverdue(Clock::time_point::max())) done(false);
}

void ProfileApplier::Fill() {
  const uint32_t window = std::max(options_->max_in_flight, 1u);
  const uint32_t failing_window = std::max(window / kFailingShare, 1u);
  uint32_t failing = 0;  // in flight
  for (const Group& group : groups_) failing += group.failures > 0 ? group.in_flight : 0;
  const Clock::time_point now = Clock::now();
  const auto may_send = [&](uint32_t index) {
    const Group& group = groups_[index];
    return group.failures == 0 || (group.in_flight == 0 && group.rests_until <= now && failing < failing_window);
  };
  while (in_flight_ < window) {
    std::optional<BacklogItem> item = backlog_->Next(in_flight_ < std::max(window / kReplayShare, 1u), may_send);
    if (!item.has_value()) return;
    if (groups_[item->group].failures > 0) ++failing;
    Prepare(*std::move(item));
  }
}

ProfileApplier::Clock::time_point ProfileApplier::NextRestEnd(Clock::time_point now) const {
  Clock::time_point next = Clock::time_point::max();
  for (const Group& group : groups_) {
    if (group.rests_until > now) next = std::min(next, group.rests_until);
  }
  return next;
}

void ProfileApplier::Prepare(BacklogItem item) {
  if (!item.merged && item.base.profile != nullptr) {
    const KnownValue base = item.base;
    ledger_->Merge(&item, base);
  }
  std::string replaced = ChecksumText(item.base.checksum);
  Prepare(std::move(item), std::move(replaced), 0);
}

void ProfileApplier::Prepare(BacklogItem item, std::string replaced, uint32_t conflicts) {
  auto write = std::make_shared<Write>();
  write->conflicts = conflicts;
  write->generation = generation_.load();
  write->item = std::move(item);
  write->replaced = std::move(replaced);
  EncodeStored(*write->item.profile, &scratch_, &write->value);
  Send(std::move(write), true);
}

void ProfileApplier::Send(WritePtr write, bool script_known) {
  write->script_known = script_known;
  const auto ttl = write->item.profile->version == 0 ? std::max(options_->tombstone_ttl, options_->ttl)
                                                     : SpreadTimeToLive(options_->ttl, &random_);
  redis::Command command = ScriptCommand(kApplyScript, script_known, options_->key_prefix + write->item.user_id,
                                         {write->value, std::to_string(ttl.count()), write->replaced});
  ++in_flight_;
  ++groups_[write->item.group].in_flight;
  client_->Execute(std::move(command), Clock::now() + options_->write_timeout, [this, write](redis::Reply reply) {
    write->reply = std::move(reply);
    // Notified under the lock: after it, this may be gone.
    const std::lock_guard lock(mutex_);
    answered_.push_back(write);
    awake_ = true;
    wake_.notify_one();
  });
}

void ProfileApplier::HandleReply(const WritePtr& write) {
  --in_flight_;
  Group& group = groups_[write->item.group];
  --group.in_flight;
  const redis::Reply& reply = write->reply;
  if ((reply.ok() || MayBeDone(reply.failure)) && write->item.profile->version == 0) {
    write->item.sent_epoch = write->item.profile->epoch;
  }
  if (reply.failure == redis::Failure::kNoScript && write->script_known && !closing_) return Send(write, false);
  if (!reply.ok()) return Fail(write.get());
  group.failures = 0;
  group.rests_until = {};
  if (write->generation != generation_.load()) {
    // Of a server that is gone, perhaps with this.
    write->item.base = {};
    return backlog_->Retry(write->item, false);
  }
  if (reply.type != redis::Reply::Type::kInteger) {
    return closing_ || write->conflicts >= kMaxConflicts ? Fail(write.get()) : HandleConflict(write);
  }
  Count(&stats_->applied);
  if (reply.integer == 2) {
    Count(&stats_->corrupt[static_cast<size_t>(Corruption::kMagic)]);
    Count(&stats_->repairs);
  }
  settled_.push_back({std::move(write->item), ChecksumOf(write->value), write->generation});
}

void ProfileApplier::HandleConflict(const WritePtr& write) {
  BacklogItem& item = write->item;
  const std::string& value = write->reply.text;
  Profile current;
  Corruption why;
  if (!DecodeStored(item.user_id, value, &scratch_, &current, &why)) {
    Count(&stats_->corrupt[static_cast<size_t>(why)]);
    Count(&stats_->repairs);
    return Prepare(std::move(item), std::string(ChecksumBytes(value)), write->conflicts + 1);
  }
  Count(&stats_->conflicts);
  const uint64_t checksum = ChecksumOf(value);
  if (ledger_->Merge(&item, {std::make_shared<Profile>(std::move(current)), checksum})) {
    // Another replica wrote it, or an older write of ours whose reply was lost.
    Count(&stats_->applied);
    settled_.push_back({std::move(item), checksum, write->generation});
    return;
  }
  Prepare(std::move(item), ChecksumText(checksum), write->conflicts + 1);
}

void ProfileApplier::Fail(Write* write) {
  Count(&stats_->failures);
  ++write->item.attempts;
  // Behind the others: what fails may be one value.
  backlog_->Retry(write->item, true);
  Group& group = groups_[write->item.group];
  const Clock::time_point now = Clock::now();
  // Those that were in flight together have failed once.
  if (group.rests_until > now) return;
  ++group.failures;
  const auto pause = std::min<Clock::duration>(kFirstPause * (1 << std::min(group.failures - 1, 10u)), kLongestPause);
  group.rests_until = now + SpreadTimeToLive(std::chrono::duration_cast<std::chrono::milliseconds>(pause), &random_);
}

void ProfileApplier::SettleAll() {
  if (settled_.empty()) return;
  std::vector<ProfileBacklog::Shared> waiting;
  ledger_->Settle(settled_, generation_, &waiting);
  settled_.clear();
  for (const auto& done : waiting) done(true);
}

}  // namespace kindred
