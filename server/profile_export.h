// The profiles of a store, listed on a thread of its own, in messages for a stream: the thread that answers calls asks
// for the next one and never waits for the store. Used by one thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kindred/v1/profile_service.pb.h"
#include "server/profile_store.h"
#include "server/rpc/server_stream_call.h"

namespace kindred {

class ProfileExport final : public rpc::MessageSource<v1::ExportProfilesResponse> {
 public:
  // Of these users, or of all when there are none. `store` must outlive this.
  ProfileExport(ProfileStore* store, std::vector<std::string> user_ids);
  // Ends the listing, if it still runs, at the profile that it is at, or while it waits for the store.
  ~ProfileExport() override;

  // The next message of some hundred KiB; kAgain when there is none within a few milliseconds. What the store said when
  // it could not go on.
  absl::StatusOr<rpc::StreamStep> Next(v1::ExportProfilesResponse* response) override;

 private:
  void Run();
  // Somebody wants more.
  bool Wanted();
  absl::Status ListAll();
  absl::Status ListSome();
  // Puts a profile into the message under way; false when nobody wants more.
  bool Add(const Profile& profile);
  // Hands over the message under way, when the one before has been taken; false as Add.
  bool HandOver();

  ProfileStore* const store_;
  const std::vector<std::string> user_ids_;
  v1::ExportProfilesResponse building_;  // of the thread
  size_t building_bytes_ = 0;            // of the thread
  std::mutex mutex_;
  std::condition_variable changed_;
  v1::ExportProfilesResponse ready_;  // guarded by mutex_; with profiles: waits to be taken
  bool stopping_ = false;             // guarded by mutex_
  bool ended_ = false;                // guarded by mutex_
  absl::Status status_;               // guarded by mutex_; of the listing
  std::thread thread_;
};

}  // namespace kindred
