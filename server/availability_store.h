// The items that are out, for every model: on disk before a change is acknowledged, and in an AvailabilityRegistry for
// requests to read. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/lifecycle/availability.h"

namespace kindred {

// What became of changes since the start.
struct AvailabilityCounts {
  std::atomic<uint64_t> applied{0};
  std::atomic<uint64_t> unchanged{0};  // every item was as asked already
  std::atomic<uint64_t> failed{0};     // the disk, or too many items
};

class AvailabilityStore {
 public:
  // Reads the set kept in `dir`, which is made when missing and used by one store at a time, and publishes it to
  // `registry`, which must outlive this. With an empty `dir` the set lives in memory and begins empty. UNAVAILABLE when
  // the folder cannot be used, DATA_LOSS when the file there is damaged; the message says what to do.
  static absl::StatusOr<std::unique_ptr<AvailabilityStore>> Open(const std::string& dir,
                                                                 AvailabilityRegistry* registry);
  ~AvailabilityStore();

  struct Change {
    uint64_t unavailable = 0;  // items that are out now
    uint64_t version = 0;
    uint64_t changed = 0;  // how many of the ids were in the other state before
  };
  // Takes `out` out and puts `back` back, whole or not at all: durable, and seen by every request that starts, when it
  // returns. In any order; an id may be there more than once, but not in both. FAILED_PRECONDITION beyond
  // limits::kMaxUnavailableItems. UNAVAILABLE when the disk does not take it: requests go on with what was, and what a
  // restart finds is one of the two until a later change succeeds. O(bytes of all ids), and one write of the file.
  absl::StatusOr<Change> Set(std::span<const std::string_view> out, std::span<const std::string_view> back);

  std::shared_ptr<const UnavailableItems> items() const { return registry_->items(); }
  const AvailabilityCounts& counts() const { return counts_; }

 private:
  AvailabilityStore(std::string path, AvailabilityRegistry* registry) : path_(std::move(path)), registry_(registry) {}

  absl::Status Lock(const std::string& dir);
  absl::StatusOr<Change> Apply(std::span<const std::string_view> out, std::span<const std::string_view> back);

  const std::string path_;  // of the file; empty: memory only
  AvailabilityRegistry* const registry_;
  int lock_fd_ = -1;
  std::mutex changing_;
  std::vector<std::string_view> out_, back_;  // guarded by changing_
  AvailabilityCounts counts_;
};

}  // namespace kindred
