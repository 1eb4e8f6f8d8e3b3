#include "server/profiles/store_upkeep.h"

#include <pthread.h>

#include <algorithm>

#include "server/logging.h"
#include "server/request_events.h"

namespace kindred {
namespace {

// Replays come in portions: so often, while there are any.
constexpr std::chrono::milliseconds kReplayInterval(10);
// Between tries to mark everything in a journal that takes no writes.
constexpr std::chrono::seconds kMarkInterval(1);
// Users that are looked up in the journal at a time.
constexpr size_t kMarkedAtOnce = 32'768;
// How often is looked for more while some wait for a part of Redis that fails.
constexpr std::chrono::seconds kLookInterval(1);
// Replays of a group of the backlog that may wait for Redis, where there are many groups.
constexpr uint64_t kLeastRoom = 4;
// Users that are passed over because their group has no room, for each that may be replayed.
constexpr uint64_t kLooksEach = 8;

}  // namespace

StoreUpkeep::StoreUpkeep(redis::Client* client, ProfileJournal* journal, ProfileLedger* ledger, ProfileBacklog* backlog,
                         ProfileApplier* applier, const RedisStoreOptions* options, RedisStoreStats* stats)
    : journal_(journal),
      ledger_(ledger),
      backlog_(backlog),
      applier_(applier),
      options_(options),
      stats_(stats),
      signals_(std::make_shared<Signals>()),
      servers_(options->servers_file),
      canary_(client, options->key_prefix, options->server_id, options->canary_keys, options->ttl, !servers_.empty(),
              [signals = signals_, applier] {
                const std::lock_guard lock(signals->mutex);
                if (signals->stopping) return;  // the applier may be gone
                applier->OnNewServer();
                signals->emptied = signals->changed = true;
                signals->wake.notify_one();
              }) {
  if (options->canary_interval.count() > 0) {
    Every(options->canary_interval, [this] { canary_.Look(Clock::now() + options_->write_timeout); });
  }
  if (options->sweep_interval.count() > 0) Every(options->sweep_interval, [this] { Sweep(); });
  thread_ = std::thread(&StoreUpkeep::Run, this);
}

StoreUpkeep::~StoreUpkeep() {
  {
    const std::lock_guard lock(signals_->mutex);
    signals_->stopping = signals_->changed = true;
    signals_->wake.notify_one();
  }
  thread_.join();
}

void StoreUpkeep::OnNewServer(std::string_view node, std::string_view run_id) {
  applier_->OnNewServer();
  const std::lock_guard lock(signals_->mutex);
  signals_->servers.emplace_back(node, run_id);
  signals_->changed = true;
  signals_->wake.notify_one();
}

void StoreUpkeep::Every(std::chrono::milliseconds interval, std::function<void()> task) {
  const std::lock_guard lock(signals_->mutex);
  signals_->added.push_back({interval, Clock::now() + interval, std::move(task)});
  signals_->changed = true;
  signals_->wake.notify_one();
}

void StoreUpkeep::Run() {
  pthread_setname_np(pthread_self(), "profile-upkeep");
  std::vector<std::pair<std::string, std::string>> servers;
  while (true) {
    bool emptied = false;
    {
      Clock::time_point until = Clock::now() + (replaying() ? kReplayInterval : std::chrono::minutes(1));
      if (unmarked_) until = Clock::now() + kMarkInterval;
      for (const Periodic& one : periodic_) until = std::min(until, one.due);
      std::unique_lock lock(signals_->mutex);
      signals_->wake.wait_until(lock, until, [this] { return signals_->changed; });
      signals_->changed = false;
      if (signals_->stopping) return;
      servers.swap(signals_->servers);
      std::swap(emptied, signals_->emptied);
      std::move(signals_->added.begin(), signals_->added.end(), std::back_inserter(periodic_));
      signals_->added.clear();
    }
    MeetServers(servers);
    servers.clear();
    if (emptied) {
      LogWarn("Redis was emptied: profiles are written again");
      unmarked_ = true;
    }
    if (unmarked_) MarkAll();
    // After the marks: whoever reads that the server is known relies on them.
    if (!unmarked_ && servers_changed_) SaveServers();
    RunPeriodic();
    if (replaying()) ReplaySome();
  }
}

void StoreUpkeep::RunPeriodic() {
  for (Periodic& one : periodic_) {
    const Clock::time_point now = Clock::now();
    if (now < one.due) continue;
    one.due = now + one.interval;
    one.task();
  }
}

void StoreUpkeep::MeetServers(const std::vector<std::pair<std::string, std::string>>& servers) {
  for (const auto& [node, run_id] : servers) {
    const bool early = options_->scan || Clock::now() < started_ + options_->meeting;
    const bool old = early && servers_.IsOld(node, run_id);
    // One server at a time: what was before it has not the last writes.
    if (options_->scan) servers_.ForgetOthers(node);
    servers_changed_ = true;
    if (old) continue;
    LogInfo("another Redis server, or one that restarted: profiles are written again");
    canary_.Forget();
    servers_.Remember(node, run_id);
    unmarked_ = true;
  }
}

void StoreUpkeep::MarkAll() {
  if (const absl::Status status = journal_->MarkAll(NowMs() - options_->ttl.count()); !status.ok()) {
    LogError("profiles that Redis may have lost cannot be marked; this is tried again", {{"error", status.ToString()}});
    return;
  }
  unmarked_ = false;
  Count(&stats_->new_servers);
  marked_.clear();
  replaying_.store(true, std::memory_order_relaxed);
}

void StoreUpkeep::SaveServers() {
  const absl::Status saved = servers_.Save();
  servers_changed_ = !saved.ok();
  if (!saved.ok()) LogWarn("the next start will write all profiles again", {{"error", saved.ToString()}});
}

void StoreUpkeep::ReplaySome() {
  if (marked_.empty()) {
    const bool waiting = backlog_->replays() > 0;  // they are marked still
    if (waiting && Clock::now() < next_look_) return;
    next_look_ = Clock::now() + kLookInterval;
    const absl::Status status = journal_->ForEachMarked([this](const Profile& profile) {
      if (!backlog_->Contains(profile.user_id)) marked_.push_back(profile.user_id);
      return marked_.size() < kMarkedAtOnce;
    });
    if (!status.ok()) {
      LogWarn("the journal cannot be read for what Redis lacks", {{"error", status.ToString()}});
      return;
    }
    if (marked_.empty()) {
      if (!waiting) replaying_.store(false, std::memory_order_relaxed);
      return;
    }
  }
  const uint64_t portion = std::max<uint64_t>(options_->replay_per_second * kReplayInterval.count() / 1000, 1);
  // Each group has its own: those of one that fails do not keep the others waiting.
  const uint64_t groups = backlog_->groups();
  const uint64_t room = std::max(2 * uint64_t{options_->max_in_flight} / groups, kLeastRoom);
  uint64_t looks = std::min<uint64_t>(portion * kLooksEach, marked_.size());
  for (uint64_t sent = 0; looks > 0 && sent < portion && backlog_->replays() < room * groups; --looks) {
    std::string user_id = std::move(marked_.front());
    marked_.pop_front();
    if (backlog_->ReplaysLike(user_id) >= room) {
      marked_.push_back(std::move(user_id));
      continue;
    }
    ledger_->Replay(user_id);
    ++sent;
  }
  applier_->Wake();
}

void StoreUpkeep::Sweep() {
  const absl::StatusOr<uint64_t> swept =
      journal_->Sweep(NowMs() - options_->ttl.count(), NowMs() - options_->tombstone_ttl.count());
  if (swept.ok()) {
    Count(&stats_->swept, *swept);
  } else {
    LogWarn("old profiles cannot be dropped from the journal", {{"error", swept.status().ToString()}});
  }
}

}  // namespace kindred
