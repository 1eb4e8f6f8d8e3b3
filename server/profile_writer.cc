#include "server/profile_writer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/checksum.h"
#include "core/base/str_cat.h"
#include "core/profile/count.h"
#include "core/profile/merge.h"
#include "server/grpc_status.h"

namespace kindred {
namespace {

// How long a client that met a full queue should wait: a few disk syncs.
constexpr std::chrono::milliseconds kRetryDelay(100);

template <size_t N>
size_t Bucket(const std::array<double, N>& bounds, double value) {
  return std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
}

}  // namespace

ProfileWriter::ProfileWriter(ProfileStore* store, ProfileWriterOptions options)
    : store_(store), options_(options), random_(std::random_device()()), thread_(&ProfileWriter::Run, this) {}

ProfileWriter::~ProfileWriter() { Stop(); }

absl::Status ProfileWriter::Submit(ProfileUpdate update, Done done, Profile known) {
  return Queue({std::move(update), std::move(done), Kind::kUpdate, std::move(known)});
}

absl::Status ProfileWriter::SubmitDeletion(std::string user_id, Done done, Profile known) {
  Pending pending;
  pending.update.user_id = std::move(user_id);
  pending.known = std::move(known);
  pending.kind = Kind::kDeletion;
  pending.done = std::move(done);
  return Queue(std::move(pending));
}

absl::Status ProfileWriter::SubmitMerge(Profile profile, bool trial, Done done, Profile known) {
  Pending pending;
  pending.known = std::move(known);
  pending.update.user_id = profile.user_id;
  pending.kind = trial ? Kind::kTrial : Kind::kMerge;
  pending.done = std::move(done);
  pending.other = std::move(profile);
  return Queue(std::move(pending));
}

absl::Status ProfileWriter::Queue(Pending pending) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return WithReason(absl::UnavailableError("the server is shutting down"), "SHUTTING_DOWN");
    if (queue_.size() >= options_.max_queued) {
      (pending.kind == Kind::kUpdate     ? counts_.shed
       : pending.kind == Kind::kDeletion ? counts_.delete_shed
                                         : counts_.merge_shed)
          .fetch_add(1, std::memory_order_relaxed);
      return WithRetryAfter(
          WithReason(absl::ResourceExhaustedError(absl::StrFormat(
                         "%d profile updates wait for the disk already; try again later", options_.max_queued)),
                     "UPDATE_QUEUE_FULL"),
          kRetryDelay);
    }
    queue_.push_back(std::move(pending));
    counts_.queued.store(queue_.size(), std::memory_order_relaxed);
  }
  wake_.notify_one();
  return absl::OkStatus();
}

void ProfileWriter::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ProfileWriter::Run() {
  pthread_setname_np(pthread_self(), "profile-writer");
  std::vector<Pending> group;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto end = queue_.begin() + std::min<size_t>(queue_.size(), options_.max_commit);
      group.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
      queue_.erase(queue_.begin(), end);
      counts_.queued.store(queue_.size(), std::memory_order_relaxed);
    }
    Commit(&group);
  }
}

bool ProfileWriter::Apply(Pending* pending, Profile* profile, UpdateOutcome* outcome) {
  switch (pending->kind) {
    case Kind::kUpdate:
      pending->update.origin = OriginOf(pending->update);
      outcome->duplicate = !ApplyUpdate(pending->update, options_.limits, profile);
      break;
    case Kind::kDeletion: {
      // Also of nobody: a damaged value reads as none, and is to go too.
      const uint64_t epoch = store_->remote() ? CountUp(profile->epoch) : 0;
      ClearProfile(profile);
      profile->user_id = pending->update.user_id;
      profile->epoch = epoch;
      return true;
    }
    case Kind::kMerge:
      if (profile->user_id.empty()) profile->user_id = pending->update.user_id;
      outcome->duplicate = !MergeProfile(pending->other, options_.limits, profile);
      break;
    case Kind::kTrial: {
      Profile copy = *profile;
      outcome->duplicate = !MergeProfile(pending->other, options_.limits, &copy);
      outcome->profile_version = copy.version;
      return false;
    }
  }
  outcome->profile_version = profile->version;
  return !outcome->duplicate;
}

void ProfileWriter::Commit(std::vector<Pending>* group) {
  const auto begin = std::chrono::steady_clock::now();
  struct Slot {
    Profile profile;
    absl::Status status;   // of reading it
    bool changed = false;  // by this group
  };
  std::map<std::string_view, Slot> slots;  // by user: each is read and written once a group
  std::vector<UpdateOutcome> outcomes(group->size());
  for (size_t i = 0; i < group->size(); ++i) {
    const ProfileUpdate& update = (*group)[i].update;
    const Profile& known = (*group)[i].known;
    UpdateOutcome& outcome = outcomes[i];
    const auto [entry, fresh] = slots.try_emplace(update.user_id);
    Slot& slot = entry->second;
    if (fresh) slot.status = store_->Get(update.user_id, &slot.profile).status();
    outcome.status = slot.status;
    if (!slot.status.ok()) continue;
    // That alone is nothing to commit: it is stored where it comes from.
    if (known.version > 0 || known.epoch > 0) MergeProfile(known, options_.limits, &slot.profile);
    outcome.existed = slot.profile.version > 0;
    if (Apply(&(*group)[i], &slot.profile, &outcome)) slot.changed = true;
  }
  std::vector<const Profile*> changed;
  for (const auto& [user_id, slot] : slots) {
    if (slot.changed) changed.push_back(&slot.profile);
  }
  const absl::Status committed = changed.empty() ? absl::OkStatus() : store_->Commit(changed);
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  counts_.commit_seconds[Bucket(kCommitSecondsBounds, std::chrono::duration<double>(elapsed).count())].fetch_add(1);
  counts_.commit_ns.fetch_add(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  counts_.commit_updates[Bucket(kCommitUpdatesBounds, static_cast<double>(group->size()))].fetch_add(1);
  counts_.committed_updates.fetch_add(group->size());

  for (size_t i = 0; i < group->size(); ++i) {
    UpdateOutcome& outcome = outcomes[i];
    const Slot& slot = slots.at((*group)[i].update.user_id);
    // A duplicate may repeat an update of this very group, so it too is only as good as the commit.
    if (outcome.status.ok() && slot.changed) outcome.status = committed;
    if (outcome.status.ok()) {
      outcome.profile = &slot.profile;
    } else {
      outcome.status = WithReason(std::move(outcome.status), "PROFILE_STORE_UNAVAILABLE");
    }
    Count((*group)[i], outcome);
    (*group)[i].done(outcome);
  }
  group->clear();
}

uint32_t ProfileWriter::OriginOf(const ProfileUpdate& update) {
  if (update.update_id.empty()) return std::max<uint32_t>(1, static_cast<uint32_t>(random_()));
  // With the length, so that the end of the user's id cannot be the update's.
  const std::string bytes = StrCat(update.user_id.size(), ":", update.user_id, update.update_id);
  return std::max<uint32_t>(1, static_cast<uint32_t>(Xxh3(std::as_bytes(std::span(bytes)))));
}

void ProfileWriter::Count(const Pending& pending, const UpdateOutcome& outcome) {
  const bool ok = outcome.status.ok();
  switch (pending.kind) {
    case Kind::kUpdate:
      (!ok ? counts_.failed : outcome.duplicate ? counts_.duplicates : counts_.applied).fetch_add(1);
      break;
    case Kind::kDeletion:
      (!ok ? counts_.delete_failed : outcome.existed ? counts_.deleted : counts_.absent).fetch_add(1);
      break;
    case Kind::kMerge:
      (!ok ? counts_.merge_failed : outcome.duplicate ? counts_.unchanged : counts_.merged).fetch_add(1);
      break;
    case Kind::kTrial:
      break;
  }
}

}  // namespace kindred
