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

}  // namespace

ProfileApplier::ProfileApplier(redis::Client* client, ProfileLedger* ledger, ProfileBacklog* backlog,
                               const RedisStoreOptions* options, RedisStoreStats* stats)
    : client_(client),
      ledger_(ledger),
      backlog_(backlog),
      options_(options),
      stats_(stats),
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
    const Clock::time_point pause = paused_until_ > now ? paused_until_ : Clock::time_point::max();
    const Clock::time_point until = std::min(pause, backlog_->NextDeadline());
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
  const uint32_t window = failures_ > 0 ? 1 : std::max(options_->max_in_flight, 1u);
  while (in_flight_ < window && Clock::now() >= paused_until_) {
    std::optional<BacklogItem> item = backlog_->Next(in_flight_ < std::max(window / kReplayShare, 1u));
    if (!item.has_value()) return;
    Prepare(*std::move(item));
  }
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
  const redis::Reply& reply = write->reply;
  if ((reply.ok() || MayBeDone(reply.failure)) && write->item.profile->version == 0) {
    write->item.sent_epoch = write->item.profile->epoch;
  }
  if (reply.failure == redis::Failure::kNoScript && write->script_known && !closing_) return Send(write, false);
  if (!reply.ok()) return Fail(write.get());
  failures_ = 0;
  paused_until_ = {};
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
  ++failures_;
  ++write->item.attempts;
  // Behind the others: what fails may be one node of a cluster, or one value.
  backlog_->Retry(write->item, true);
  const auto pause = std::min<Clock::duration>(kFirstPause * (1 << std::min(failures_ - 1, 10u)), kLongestPause);
  paused_until_ =
      Clock::now() + SpreadTimeToLive(std::chrono::duration_cast<std::chrono::milliseconds>(pause), &random_);
}

void ProfileApplier::SettleAll() {
  if (settled_.empty()) return;
  std::vector<ProfileBacklog::Shared> waiting;
  ledger_->Settle(settled_, generation_, &waiting);
  settled_.clear();
  for (const auto& done : waiting) done(true);
}

}  // namespace kindred
