#include "server/profiles/redis_reads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/profile/merge.h"
#include "server/profiles/redis_scripts.h"
#include "server/profiles/stored_profile.h"
#include "server/request_events.h"

namespace kindred {
namespace {

// Of the time that a call has left, what a read may take; and what it may take to wait for one that began before.
constexpr int64_t kReadPercent = 30, kJoinPercent = 50;
// Above so many, those who waited are told on a thread of its own: copying a profile takes some 10 µs, and the client's
// thread has other replies to read. Nor the applier's: it waits for the journal's disk now and then.
constexpr size_t kToldAtOnce = 32;

RedisReads::Clock::time_point ShareOf(RedisReads::Clock::time_point now, RedisReads::Clock::time_point deadline,
                                      int64_t percent) {
  if (deadline == RedisReads::Clock::time_point::max()) return deadline;
  return now + (deadline - now) / 100 * percent;
}

uint64_t VersionOf(const SharedProfile& profile) { return profile == nullptr ? 0 : profile->version; }

// Another type than a string under the key of a profile.
bool IsWrongType(const redis::Reply& reply) { return reply.text.starts_with("WRONGTYPE"); }

}  // namespace

RedisReads::RedisReads(redis::Client* client, ProfileLedger* ledger, ProfileApplier* applier, NearCache* near,
                       const RedisStoreOptions* options, RedisStoreStats* stats)
    : client_(client), ledger_(ledger), applier_(applier), near_(near), options_(options), stats_(stats) {}

RedisReads::~RedisReads() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return under_way_ == 0; });
}

bool RedisReads::Fetch(std::string_view user_id, const FetchOptions& options, FetchedProfile* out,
                       const std::function<void()>& done) {
  const NearCache::Found found = near_->Find(user_id, Clock::now());
  if (found.state >= NearCache::State::kFresh && VersionOf(found.known.profile) >= options.min_version) {
    if (found.state == NearCache::State::kPinned) {
      Count(&stats_->overlay_hits);
    } else {
      Count(found.known.profile == nullptr ? &stats_->negative_hits : &stats_->near_hits);
    }
    Give(found.known.profile.get(), &out->profile);
    out->status = absl::OkStatus();
    out->stale = false;
    if (found.refresh) Refresh(user_id);
    return true;
  }
  return Read(user_id, {out, done, options.min_version, options.deadline, false});
}

bool RedisReads::Read(std::string_view user_id, ReadWaiter waiter) {
  const Clock::time_point now = Clock::now();
  const Clock::time_point deadline =
      std::min(now + options_->read_timeout, ShareOf(now, waiter.call_deadline, kReadPercent));
  const Clock::time_point latest = std::max(deadline, ShareOf(now, waiter.call_deadline, kJoinPercent));
  const uint64_t min_version = waiter.min_version;
  FetchedProfile* const out = waiter.out;
  FlightPtr flight;
  const ReadFlights::Joined joined = flights_.JoinOrStart(user_id, deadline, latest, &waiter, &flight);
  if (joined == ReadFlights::Joined::kWaits) {
    if (out != nullptr) Count(&stats_->joined);
    return false;
  }
  const NearCache::Found found = near_->Find(user_id, now);
  if (joined == ReadFlights::Joined::kTooLate) {
    GiveRead(Degraded(found.known.profile, redis::Failure::kTimeout), min_version, out);
    return true;
  }
  const bool fresh = found.state >= NearCache::State::kFresh;
  if (fresh && out != nullptr && VersionOf(found.known.profile) >= min_version) {
    // Another read ended since this one was found necessary.
    End(flight, {found.known.profile, absl::OkStatus()}, true);
    return true;
  }
  if (fresh && out != nullptr) Count(&stats_->forced);
  return Send(flight, found);
}

bool RedisReads::Send(const FlightPtr& flight, const NearCache::Found& found) {
  if (found.state == NearCache::State::kPinned) {
    flight->pinned = true;
    flight->known = flight->fallback = found.known.profile;
  } else {
    absl::StatusOr<SharedProfile> recalled = ledger_->Recall(flight->user_id);
    if (recalled.ok()) flight->known = *std::move(recalled);
    const bool cached = IsNewer(found.known.profile.get(), flight->known.get());
    flight->fallback = cached ? found.known.profile : flight->known;
  }
  if (flight->deadline <= Clock::now()) {
    flight->reply.failure = redis::Failure::kTimeout;
    Complete(flight, true);
    return true;
  }
  Count(&stats_->reads_sent);
  redis::Command command;
  command.key = options_->key_prefix + flight->user_id;
  // Never more than a profile can be, whatever is there. One byte more tells that there is more.
  command.arguments = {"GETRANGE", command.key, "0", std::to_string(kMaxStoredBytes)};
  command.repeatable = true;
  Enter();
  client_->Execute(std::move(command), flight->deadline, [this, flight](redis::Reply reply) {
    flight->reply = std::move(reply);
    if (flight->turn.exchange(ReadFlight::Turn::kReplied) == ReadFlight::Turn::kWaiting) Complete(flight, false);
    Leave();
  });
  ReadFlight::Turn turn = ReadFlight::Turn::kSending;
  if (flight->turn.compare_exchange_strong(turn, ReadFlight::Turn::kWaiting)) return false;
  Complete(flight, true);
  return true;
}

void RedisReads::Complete(const FlightPtr& flight, bool here) { End(flight, ResultOf(flight.get()), here); }

void RedisReads::End(const FlightPtr& flight, const Result& result, bool here) {
  auto waiters = std::make_shared<std::vector<ReadWaiter>>(flights_.Finish(flight.get()));
  const ReadWaiter& first = flight->first;
  if (first.out != nullptr) {
    GiveRead(result, first.min_version, first.out);
    if (!here) first.done();
  }
  const auto tell = [this, flight, waiters, result] {
    for (ReadWaiter& waiter : *waiters) Tell(flight->user_id, std::move(waiter), result);
  };
  if (waiters->size() <= kToldAtOnce) return tell();
  Enter();
  teller_.Post([this, tell] {
    tell();
    Leave();
  });
}

RedisReads::Result RedisReads::ResultOf(ReadFlight* flight) {
  const redis::Reply& reply = flight->reply;
  if (!reply.ok() && !IsWrongType(reply)) return Degraded(flight->fallback, reply.failure);
  if (reply.ok() && reply.text.empty()) {
    if (!flight->pinned) CheckEmpty(flight->user_id, flight->known != nullptr);
    return Miss(flight);
  }
  thread_local ProfileCodecScratch scratch;
  Profile found;
  Corruption why = Corruption::kMagic;
  if (reply.ok() && DecodeStored(flight->user_id, reply.text, &scratch, &found, &why)) {
    return Hit(flight, std::make_shared<Profile>(std::move(found)), ChecksumOf(reply.text));
  }
  Count(&stats_->corrupt[static_cast<size_t>(why)]);
  if (flight->known == nullptr) {
    Delete(flight->user_id, reply.ok() ? reply.text.substr(0, kStoredHeaderBytes) : "", true, [](bool) {});
  } else if (!flight->pinned) {
    Restore(flight->user_id, nullptr);
  }
  return Miss(flight);
}

RedisReads::Result RedisReads::Degraded(const SharedProfile& fallback, redis::Failure failure) {
  Count(&stats_->degraded);
  return {fallback, absl::UnavailableError(failure == redis::Failure::kBreakerOpen
                                               ? "Redis fails, and is not asked for a while"
                                               : "Redis did not answer in time, or with an error")};
}

RedisReads::Result RedisReads::Miss(ReadFlight* flight) {
  Count(&stats_->redis_misses);
  if (flight->known != nullptr) Count(&stats_->journal_hits);
  if (!flight->pinned) {
    near_->Load(flight->user_id, {flight->known, 0}, Clock::now());
  }
  return {flight->known, absl::OkStatus()};
}

RedisReads::Result RedisReads::Hit(ReadFlight* flight, SharedProfile found, uint64_t checksum) {
  Count(&stats_->redis_hits);
  bool lost = false;
  const SharedProfile whole = flight->known == nullptr ? found : MergeKnown(*flight->known, found, &lost);
  if (!flight->pinned) {
    near_->Load(flight->user_id, {whole, checksum}, Clock::now());
    if (lost) Restore(flight->user_id, whole);
    Extend(flight->user_id, *found);
  }
  return {whole, absl::OkStatus()};
}

SharedProfile RedisReads::MergeKnown(const Profile& known, const SharedProfile& found, bool* lost) const {
  auto merged = std::make_shared<Profile>(*found);
  if (!MergeProfile(known, options_->limits, merged.get())) return found;
  *lost = IsNewer(&known, found.get());
  if (*lost) return merged;
  // Events that are stored no more, for want of room, and update ids that were forgotten, are not lost.
  thread_local ProfileCodecScratch scratch;
  thread_local std::string value;
  thread_local Profile stored;
  EncodeStored(*merged, &scratch, &value);
  const bool sound = DecodeProfile(known.user_id, value, &scratch, &stored);
  *lost = !sound || stored.events != found->events;
  if (*lost) return merged;
  if (merged->events == found->events) return found;
  // Redis gets no other value for this, so that it is of no other version.
  merged->version = found->version;
  return merged;
}

void RedisReads::Tell(const std::string& user_id, ReadWaiter waiter, const Result& result) {
  if (result.status.ok() && waiter.min_version > VersionOf(result.profile) && !waiter.again) {
    waiter.again = true;
    const std::function<void()> done = waiter.done;
    if (Read(user_id, std::move(waiter))) done();
    return;
  }
  GiveRead(result, waiter.min_version, waiter.out);
  waiter.done();
}

void RedisReads::GiveRead(const Result& result, uint64_t min_version, FetchedProfile* out) {
  Count(VersionOf(result.profile) > 0 ? &stats_->read_hits : &stats_->read_misses);
  Give(result.profile.get(), &out->profile);
  out->status = result.status;
  out->stale = VersionOf(result.profile) < min_version;
  if (out->stale) Count(&stats_->stale);
}

absl::StatusOr<bool> RedisReads::Get(std::string_view user_id, Profile* profile) {
  const NearCache::Found found = near_->Find(user_id, Clock::now());
  SharedProfile known = found.known.profile;
  if (known == nullptr) {
    absl::StatusOr<SharedProfile> recalled = ledger_->Recall(user_id);
    if (!recalled.ok()) {
      ClearProfile(profile);
      return recalled.status();
    }
    known = *std::move(recalled);
  }
  Count(VersionOf(known) > 0 ? &stats_->read_hits : &stats_->read_misses);
  Give(known.get(), profile);
  return profile->version > 0;
}

void RedisReads::Give(const Profile* found, Profile* profile) {
  if (found != nullptr && found->version > 0) {
    *profile = *found;
    return;
  }
  ClearProfile(profile);
  if (found != nullptr) profile->epoch = found->epoch;
}

void RedisReads::Refresh(std::string_view user_id) {
  Count(&stats_->refreshes);
  Read(user_id, {nullptr, nullptr, 0, Clock::time_point::max(), false});
}

void RedisReads::Extend(const std::string& user_id, const Profile& profile) {
  const int64_t now_ms = NowMs();
  if (profile.version == 0 || !extensions_.ShouldExtend(user_id, profile.updated_ms, now_ms, options_->ttl)) return;
  Count(&stats_->extensions);
  auto random = static_cast<uint64_t>(now_ms);
  redis::Command command;
  command.key = options_->key_prefix + user_id;
  command.arguments = {"PEXPIRE", command.key, std::to_string(SpreadTimeToLive(options_->ttl, &random).count())};
  client_->Execute(std::move(command), Clock::now() + options_->write_timeout, [](const redis::Reply&) {});
}

void RedisReads::Restore(const std::string& user_id, SharedProfile found) {
  Enter();
  applier_->Post([this, user_id, found = std::move(found)] {
    ledger_->Restore(user_id, found);
    Leave();
  });
}

void RedisReads::CheckEmpty(const std::string& user_id, bool restore) {
  Delete(user_id, "", true, [this, user_id, restore](bool deleted) {
    if (deleted) Count(&stats_->corrupt[static_cast<size_t>(Corruption::kMagic)]);
    if (restore) Restore(user_id, nullptr);
  });
}

void RedisReads::Delete(const std::string& user_id, std::string header, bool script_known,
                        std::function<void(bool deleted)> done) {
  Enter();
  redis::Command command = ScriptCommand(kDeleteScript, script_known, options_->key_prefix + user_id, {header});
  client_->Execute(std::move(command), Clock::now() + options_->write_timeout,
                   [this, user_id, header, script_known, done = std::move(done)](const redis::Reply& reply) {
                     const bool deleted = reply.ok() && reply.integer > 0;
                     if (deleted) Count(&stats_->repairs);
                     if (reply.failure == redis::Failure::kNoScript && script_known) {
                       Delete(user_id, header, false, done);
                     } else {
                       done(deleted);
                     }
                     Leave();
                   });
}

void RedisReads::Enter() {
  const std::lock_guard lock(mutex_);
  ++under_way_;
}

void RedisReads::Leave() {
  // Notified under the lock: after it, this may be gone.
  const std::lock_guard lock(mutex_);
  if (--under_way_ == 0) idle_.notify_all();
}

}  // namespace kindred
