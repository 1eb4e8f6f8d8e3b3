#include "server/batch_results.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/limits.h"

namespace kindred {
namespace {

// Tag and length of an entry, at most.
constexpr size_t kFrameBytes = 6;
// An entry that is NoRoom: about 300 bytes.
constexpr size_t kKeptBytes = 512;

// Why an answer is not in the batch.
absl::Status NoRoom() {
  return WithReason(
      absl::ResourceExhaustedError(absl::StrFormat("with this entry the answer would be above the limit of %d bytes; "
                                                   "ask for fewer at a time, or for less about each",
                                                   limits::kMaxResponseBytes)),
      "RESPONSE_TOO_LARGE");
}

}  // namespace

BatchRoom::BatchRoom(size_t entries, size_t around)
    : left_(limits::kMaxResponseBytes - std::min(limits::kMaxResponseBytes, entries * kKeptBytes + around)) {}

absl::Status BatchRoom::Take(const google::protobuf::Message& entry) {
  const size_t size = entry.ByteSizeLong() + kFrameBytes;
  // What this entry kept is its own now.
  if (size > left_ + kKeptBytes) {
    taken_ += kKeptBytes;
    return NoRoom();
  }
  left_ = left_ + kKeptBytes - size;
  taken_ += size;
  return absl::OkStatus();
}

}  // namespace kindred
