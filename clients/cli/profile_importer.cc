#include "clients/cli/profile_importer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "clients/cpp/rpc_status.h"

namespace kindred {
namespace {

// A batch leaves room in the server's queue of updates, and below its largest request.
constexpr int kBatchProfiles = 256;
constexpr size_t kBatchBytes = 1u << 20;

constexpr absl::Duration kFirstWait = absl::Milliseconds(100);
constexpr absl::Duration kLongestWait = absl::Seconds(2);

bool ComesAgain(int code) {
  return code == static_cast<int>(absl::StatusCode::kResourceExhausted) ||
         code == static_cast<int>(absl::StatusCode::kUnavailable);
}

}  // namespace

ProfileImporter::ProfileImporter(ProfileClient* client, bool validate_only, absl::Duration patience, Refused refused)
    : client_(client), validate_only_(validate_only), patience_(patience), refused_(std::move(refused)) {}

absl::Status ProfileImporter::Add(uint64_t line, v1::ProfileRecord record) {
  const size_t bytes = record.ByteSizeLong();
  if (batch_bytes_ + bytes > kBatchBytes && !lines_.empty()) {
    if (absl::Status sent = Flush(); !sent.ok()) return sent;
  }
  *batch_.add_profiles() = std::move(record);
  lines_.push_back(line);
  batch_bytes_ += bytes;
  return batch_.profiles_size() < kBatchProfiles ? absl::OkStatus() : Flush();
}

absl::Status ProfileImporter::Flush() {
  absl::Duration backoff = kFirstWait;
  absl::Time give_up = absl::Now() + patience_;
  while (!lines_.empty()) {
    const size_t before = lines_.size();
    const auto wait = Send();
    if (!wait.ok()) return wait.status();
    if (lines_.empty()) break;
    if (lines_.size() < before) {
      give_up = absl::Now() + patience_;
      backoff = kFirstWait;
    }
    const absl::Duration pause = std::max(*wait, backoff);
    if (absl::Now() + pause >= give_up) return last_;
    absl::SleepFor(pause);
    backoff = std::min(2 * backoff, kLongestWait);
  }
  batch_.Clear();
  batch_bytes_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> ProfileImporter::Send() {
  batch_.set_validate_only(validate_only_);
  const auto response = client_->ImportProfiles(batch_);
  if (!response.ok()) return response.status();
  if (static_cast<size_t>(response->results_size()) != lines_.size()) {
    return absl::InternalError(
        absl::StrCat("the server answered ", response->results_size(), " of ", lines_.size(), " profiles"));
  }
  absl::Duration wait = absl::ZeroDuration();
  v1::ImportProfilesRequest again;
  std::vector<uint64_t> again_lines;
  for (int i = 0; i < response->results_size(); ++i) {
    const v1::ProfileImport& result = response->results(i);
    if (result.status().code() == 0) {
      ++(result.changed() ? counts_.changed : counts_.unchanged);
    } else if (ComesAgain(result.status().code())) {
      last_ = FromStatusMessage(result.status());
      wait = std::max(wait, RetryDelay(last_).value_or(absl::ZeroDuration()));
      *again.add_profiles() = batch_.profiles(i);
      again_lines.push_back(lines_[i]);
    } else {
      // The server names the field within the batch; a line is all that its reader has.
      std::string why = result.status().message();
      const std::string prefix = absl::StrCat("profiles[", i, "].");
      for (size_t at = 0; (at = why.find(prefix, at)) != std::string::npos;) why.erase(at, prefix.size());
      refused_(lines_[i], why);
    }
  }
  batch_ = std::move(again);
  lines_ = std::move(again_lines);
  return wait;
}

}  // namespace kindred
