// The entries of a batch's answer: statuses where there is no answer, and all of them together below
// limits::kMaxResponseBytes. One entry never fails the batch. Not thread-safe.
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "server/grpc_status.h"

namespace kindred {

// Keeps count of the room that a batch's answer has left. Every entry still to come keeps so much of it that it can be
// a status, whatever the ones before it took.
class BatchRoom {
 public:
  // REQUIRES: entries ≤ 2,000. `around`: bytes of the answer beside its entries.
  explicit BatchRoom(size_t entries, size_t around = 0);

  // Takes room for the next entry. RESOURCE_EXHAUSTED when there is not enough: the entry is to be a status then, this
  // one, for which there is. REQUIRES: called at most `entries` times. Computes the size that serializing needs.
  absl::Status Take(const google::protobuf::Message& entry);

  // Bytes that entries have taken.
  size_t taken() const { return taken_; }

 private:
  size_t left_;  // beside what entries to come keep
  size_t taken_ = 0;
};

// An entry that is `status`, which is not OK, with the details that the error of a call has. As BatchRoom::Take, which
// it asks: where its details do not fit they are left out.
template <typename Result>
void WriteStatus(const absl::Status& status, BatchRoom* room, Result* result) {
  *result->mutable_status() = ToStatusMessage(status);
  const absl::Status fits = room->Take(*result);
  if (!fits.ok()) *result->mutable_status() = ToStatusMessage(fits);
}

}  // namespace kindred
