#include "server/profile_export.h"

#include <pthread.h>

#include <utility>

#include "core/base/status_macros.h"
#include "server/grpc_status.h"
#include "server/profile_codec.h"

namespace kindred {
namespace {

// A message is handed over when it has this much; the largest profile on top stays far below the largest answer.
constexpr size_t kMessageBytes = 256u << 10;

// How long the thread that answers calls looks out for a message before others have their turn.
constexpr std::chrono::milliseconds kPatience(2);

}  // namespace

ProfileExport::ProfileExport(ProfileStore* store, std::vector<std::string> user_ids)
    : store_(store), user_ids_(std::move(user_ids)), thread_(&ProfileExport::Run, this) {}

ProfileExport::~ProfileExport() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::StatusOr<rpc::StreamStep> ProfileExport::Next(v1::ExportProfilesResponse* response) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [this] { return ended_ || ready_.profiles_size() > 0; });
  if (ready_.profiles_size() > 0) {
    // Copies where the response is on an arena: it is no more than the network's part.
    response->Swap(&ready_);
    ready_.Clear();
    lock.unlock();
    changed_.notify_all();
    return rpc::StreamStep::kMessage;
  }
  if (!ended_) return rpc::StreamStep::kAgain;
  RETURN_IF_ERROR(status_);
  return rpc::StreamStep::kEnd;
}

void ProfileExport::Run() {
  pthread_setname_np(pthread_self(), "profile-export");
  absl::Status status = user_ids_.empty() ? ListAll() : ListSome();
  if (status.ok()) HandOver();
  if (absl::IsUnavailable(status)) status = WithReason(std::move(status), "PROFILE_STORE_UNAVAILABLE");
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  ended_ = true;
  changed_.notify_all();
}

bool ProfileExport::Wanted() {
  const std::lock_guard lock(mutex_);
  return !stopping_;
}

absl::Status ProfileExport::ListAll() {
  return store_->ForEachWhile([this] { return Wanted(); }, [this](const Profile& profile) { return Add(profile); });
}

absl::Status ProfileExport::ListSome() {
  Profile profile;
  for (const std::string& user_id : user_ids_) {
    if (!Wanted()) break;
    const absl::StatusOr<bool> found = store_->Get(user_id, &profile);
    RETURN_IF_ERROR(found.status());
    if (*found && !Add(profile)) break;
  }
  return absl::OkStatus();
}

bool ProfileExport::Add(const Profile& profile) {
  v1::ProfileRecord* record = building_.add_profiles();
  WriteRecord(profile, record);
  building_bytes_ += record->ByteSizeLong();
  if (building_bytes_ >= kMessageBytes) return HandOver();
  return Wanted();
}

bool ProfileExport::HandOver() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || ready_.profiles_size() == 0; });
  if (stopping_) return false;
  ready_.Swap(&building_);
  building_.Clear();
  building_bytes_ = 0;
  lock.unlock();
  changed_.notify_all();
  return true;
}

}  // namespace kindred
