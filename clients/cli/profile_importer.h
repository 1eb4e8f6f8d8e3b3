// Sends profiles to a server in batches, each for as long as the server has no room for it. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clients/cpp/profile_client.h"
#include "kindred/v1/profile_service.pb.h"

namespace kindred {

struct ImportCounts {
  uint64_t changed = 0;
  uint64_t unchanged = 0;  // the store had all of it
};

class ProfileImporter {
 public:
  // Called for each profile that the server refused, with the number given to Add.
  using Refused = std::function<void(uint64_t line, std::string_view why)>;

  // `client` must outlive this. A batch that gets nowhere for `patience` is given up.
  ProfileImporter(ProfileClient* client, bool validate_only, absl::Duration patience, Refused refused);

  // Keeps the profile, of line `line`, for the next batch, and sends that when it is full. What ended the import: the
  // server cannot be reached, or takes nothing.
  absl::Status Add(uint64_t line, v1::ProfileRecord record);
  // Sends what is left.
  absl::Status Flush();

  const ImportCounts& counts() const { return counts_; }

 private:
  // Sends the batch once, and keeps of it what should be sent again. How long to wait before, zero when all is said.
  absl::StatusOr<absl::Duration> Send();

  ProfileClient* const client_;
  const bool validate_only_;
  const absl::Duration patience_;
  const Refused refused_;
  ImportCounts counts_;
  v1::ImportProfilesRequest batch_;
  std::vector<uint64_t> lines_;  // of batch_
  size_t batch_bytes_ = 0;
  absl::Status last_;  // why something is sent again
};

}  // namespace kindred
