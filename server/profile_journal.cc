#include "server/profile_journal.h"

#include <rocksdb/write_batch.h>

#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "server/profile_codec.h"
#include "server/profile_store.h"

namespace kindred {
namespace {

constexpr char kProfile = 'p';
constexpr char kMark = 'm';
// Entries that are held, or forgotten under the lock, at a time.
constexpr size_t kPage = 64;

// The key of a user, good until the next call on this thread.
const std::string& Key(char kind, std::string_view user_id) {
  thread_local std::string key;
  key.assign(1, kind);
  key.append(user_id);
  return key;
}

std::string_view UserOf(std::string_view key) { return key.substr(1); }

// Adding to a batch fails only beyond 4 GiB.
void AddProfile(const Profile& profile, rocksdb::WriteBatch* batch) {
  thread_local ProfileCodecScratch scratch;
  thread_local std::string value;
  if (profile.version == 0 && profile.epoch == 0) {
    batch->Delete(Key(kProfile, profile.user_id)).PermitUncheckedError();
    return;
  }
  EncodeProfile(profile, &scratch, &value);
  batch->Put(Key(kProfile, profile.user_id), value).PermitUncheckedError();
}

void AddMark(std::string_view user_id, rocksdb::WriteBatch* batch) {
  batch->Put(Key(kMark, user_id), rocksdb::Slice()).PermitUncheckedError();
}

bool IsOlder(const Profile& profile, int64_t profiles_before_ms, int64_t deletions_before_ms) {
  return profile.updated_ms < (profile.version == 0 ? deletions_before_ms : profiles_before_ms);
}

// Calls `visit` with the entries of `kind`, a page at a time, until it returns false or an error.
template <typename Visit>
absl::Status ForEachPage(ProfileDatabase* database, char kind, const Visit& visit) {
  std::vector<ProfileDatabase::Entry> page;
  std::string after;
  while (true) {
    RETURN_IF_ERROR(database->Scan(std::string_view(&kind, 1), after, kPage, &page));
    if (page.empty()) return absl::OkStatus();
    after = page.back().key;
    const absl::StatusOr<bool> more = visit(page);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
  }
}

}  // namespace

ProfileJournal::ProfileJournal(std::unique_ptr<ProfileDatabase> database) : database_(std::move(database)) {}

absl::StatusOr<std::unique_ptr<ProfileJournal>> ProfileJournal::Open(const std::string& dir, uint64_t block_cache_bytes,
                                                                     rocksdb::Env* env) {
  ASSIGN_OR_RETURN(std::unique_ptr<ProfileDatabase> database, ProfileDatabase::Open(dir, block_cache_bytes, env));
  return std::unique_ptr<ProfileJournal>(new ProfileJournal(std::move(database)));
}

ProfileJournal::Found ProfileJournal::Decode(std::string_view user_id, std::string_view value, Profile* profile) {
  thread_local ProfileCodecScratch scratch;
  if (DecodeProfile(user_id, value, &scratch, profile)) return Found::kProfile;
  corrupt_.fetch_add(1, std::memory_order_relaxed);
  return Found::kDamaged;
}

absl::StatusOr<ProfileJournal::Found> ProfileJournal::Read(std::string_view user_id, Profile* profile) {
  Found found = Found::kNothing;
  ClearProfile(profile);
  const absl::StatusOr<bool> read =
      database_->Get(Key(kProfile, user_id), [&](std::string_view value) { found = Decode(user_id, value, profile); });
  if (read.ok()) return found;
  errors_.fetch_add(1, std::memory_order_relaxed);
  return read.status();
}

absl::StatusOr<bool> ProfileJournal::Get(std::string_view user_id, Profile* profile) {
  ASSIGN_OR_RETURN(const Found found, Read(user_id, profile));
  return found == Found::kProfile && profile->version > 0;
}

absl::Status ProfileJournal::Commit(std::span<const Profile* const> profiles, bool sync) {
  rocksdb::WriteBatch batch;
  for (const Profile* profile : profiles) {
    AddProfile(*profile, &batch);
    AddMark(profile->user_id, &batch);
  }
  const std::lock_guard lock(mutex_);
  return database_->Write(&batch, sync);
}

absl::Status ProfileJournal::Put(const Profile& profile, bool mark) {
  rocksdb::WriteBatch batch;
  AddProfile(profile, &batch);
  if (mark) AddMark(profile.user_id, &batch);
  const std::lock_guard lock(mutex_);
  return database_->Write(&batch, false);
}

absl::Status ProfileJournal::Unmark(std::string_view user_id) {
  rocksdb::WriteBatch batch;
  batch.Delete(Key(kMark, user_id)).PermitUncheckedError();
  return database_->Write(&batch, false);
}

absl::Status ProfileJournal::ForEachMarked(const std::function<bool(const Profile&)>& visit) {
  Profile profile;
  return ForEachPage(database_.get(), kMark, [&](const auto& page) -> absl::StatusOr<bool> {
    for (const auto& [key, value] : page) {
      const std::string_view user_id = UserOf(key);
      RETURN_IF_ERROR(Read(user_id, &profile).status());
      profile.user_id = user_id;
      if (!visit(profile)) return false;
    }
    return true;
  });
}

absl::Status ProfileJournal::ForEach(const std::function<bool(const Profile&)>& visit) {
  Profile profile;
  return ForEachPage(database_.get(), kProfile, [&](const auto& page) -> absl::StatusOr<bool> {
    for (const auto& [key, value] : page) {
      if (Decode(UserOf(key), value, &profile) == Found::kProfile && !visit(profile)) return false;
    }
    return true;
  });
}

absl::Status ProfileJournal::MarkAll(int64_t since_ms) {
  Profile profile;
  bool any = false;
  std::string last;
  absl::Status status = ForEachPage(database_.get(), kProfile, [&](const auto& page) -> absl::StatusOr<bool> {
    rocksdb::WriteBatch batch;
    for (const auto& [key, value] : page) {
      const std::string_view user_id = UserOf(key);
      if (Decode(user_id, value, &profile) == Found::kProfile && profile.updated_ms >= since_ms) {
        AddMark(user_id, &batch);
        last = user_id;
        any = true;
      }
    }
    if (batch.Count() > 0) RETURN_IF_ERROR(database_->Write(&batch, false));
    return true;
  });
  if (!status.ok() || !any) return status;
  // One synced write, and all that came before it is on the disk.
  rocksdb::WriteBatch batch;
  AddMark(last, &batch);
  return database_->Write(&batch, true);
}

absl::StatusOr<uint64_t> ProfileJournal::Sweep(int64_t profiles_before_ms, int64_t deletions_before_ms) {
  uint64_t forgotten = 0;
  Profile profile;
  std::vector<std::string> users;
  const absl::Status status = ForEachPage(database_.get(), kProfile, [&](const auto& page) -> absl::StatusOr<bool> {
    users.clear();
    for (const auto& [key, value] : page) {
      const std::string_view user_id = UserOf(key);
      const Found found = Decode(user_id, value, &profile);
      if (found == Found::kDamaged || IsOlder(profile, profiles_before_ms, deletions_before_ms)) {
        users.emplace_back(user_id);
      }
    }
    ASSIGN_OR_RETURN(const uint64_t of_page, Forget(users, profiles_before_ms, deletions_before_ms));
    forgotten += of_page;
    return true;
  });
  if (!status.ok()) return status;
  return forgotten;
}

absl::StatusOr<uint64_t> ProfileJournal::Forget(std::span<const std::string> users, int64_t profiles_before_ms,
                                                int64_t deletions_before_ms) {
  if (users.empty()) return 0;
  rocksdb::WriteBatch batch;
  Profile profile;
  const std::lock_guard lock(mutex_);
  for (const std::string& user_id : users) {
    ASSIGN_OR_RETURN(const bool marked, database_->Get(Key(kMark, user_id), [](std::string_view) {}));
    ASSIGN_OR_RETURN(const Found found, Read(user_id, &profile));
    const bool old = found == Found::kProfile && IsOlder(profile, profiles_before_ms, deletions_before_ms);
    if (found == Found::kDamaged || (old && !marked)) {
      batch.Delete(Key(kProfile, user_id)).PermitUncheckedError();
    }
  }
  const uint64_t forgotten = batch.Count();
  if (forgotten > 0) RETURN_IF_ERROR(database_->Write(&batch, false));
  return forgotten;
}

ProfileJournalCounts ProfileJournal::counts() const {
  return {corrupt_.load(std::memory_order_relaxed), errors_.load(std::memory_order_relaxed), database_->sync_failures(),
          database_->bytes()};
}

}  // namespace kindred
