#include "server/embedded_profile_store.h"

#include <rocksdb/write_batch.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"

namespace kindred {
namespace {

// Profiles that ForEach holds at a time.
constexpr size_t kPage = 64;

}  // namespace

EmbeddedProfileStore::EmbeddedProfileStore(std::unique_ptr<ProfileDatabase> database)
    : database_(std::move(database)) {}

absl::StatusOr<std::unique_ptr<EmbeddedProfileStore>> EmbeddedProfileStore::Open(const std::string& dir,
                                                                                 uint64_t block_cache_bytes) {
  ASSIGN_OR_RETURN(std::unique_ptr<ProfileDatabase> database, ProfileDatabase::Open(dir, block_cache_bytes));
  return std::unique_ptr<EmbeddedProfileStore>(new EmbeddedProfileStore(std::move(database)));
}

absl::StatusOr<bool> EmbeddedProfileStore::Get(std::string_view user_id, Profile* profile) {
  thread_local ProfileCodecScratch scratch;
  bool decoded = false;
  const absl::StatusOr<bool> found = database_->Get(
      user_id, [&](std::string_view value) { decoded = DecodeProfile(user_id, value, &scratch, profile); });
  if (decoded && profile->version > 0) {
    hits_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  ClearProfile(profile);
  if (!found.ok()) {
    errors_.fetch_add(1, std::memory_order_relaxed);
    return found.status();
  }
  (*found && !decoded ? corrupt_ : misses_).fetch_add(1, std::memory_order_relaxed);
  return false;
}

absl::Status EmbeddedProfileStore::ForEach(const std::function<bool(const Profile&)>& visit) {
  std::vector<ProfileDatabase::Entry> page;
  ProfileCodecScratch scratch;
  Profile profile;
  std::string after;
  while (true) {
    RETURN_IF_ERROR(database_->Scan("", after, kPage, &page));
    if (page.empty()) return absl::OkStatus();
    for (const auto& [user_id, value] : page) {
      if (!DecodeProfile(user_id, value, &scratch, &profile)) {
        corrupt_.fetch_add(1, std::memory_order_relaxed);
      } else if (profile.version > 0 && !visit(profile)) {
        return absl::OkStatus();
      }
    }
    after = std::move(page.back().key);
  }
}

absl::Status EmbeddedProfileStore::Commit(std::span<const Profile* const> profiles) {
  rocksdb::WriteBatch batch;
  for (const Profile* profile : profiles) {
    rocksdb::Status added;
    if (profile->version == 0) {
      added = batch.Delete(profile->user_id);
    } else {
      EncodeProfile(*profile, &encode_scratch_, &value_);
      added = batch.Put(profile->user_id, value_);
    }
    if (!added.ok()) return absl::InternalError(absl::StrFormat("profile store: %s", added.ToString()));
  }
  return database_->Write(&batch, true);
}

ProfileStoreCounts EmbeddedProfileStore::counts() const {
  return {hits_.load(std::memory_order_relaxed), misses_.load(std::memory_order_relaxed),
          corrupt_.load(std::memory_order_relaxed), errors_.load(std::memory_order_relaxed)};
}

}  // namespace kindred
