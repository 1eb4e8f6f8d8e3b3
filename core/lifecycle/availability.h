// Which items of the serving generations may come back. Like the generations themselves, what requests read is
// immutable and published by pointer: a view a generation, made when it or the set of items changes, not by a request.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/lifecycle/model_registry.h"
#include "core/lifecycle/unavailable_items.h"

namespace kindred {

// Of one generation. Immutable and thread-safe.
class AvailabilityView {
 public:
  // O(items.size()) look-ups.
  AvailabilityView(const Model& model, const UnavailableItems& items);

  uint64_t version() const { return version_; }          // of the set that it shows
  uint32_t unavailable() const { return unavailable_; }  // items of the catalogue that are out
  // Of which items of the catalogue are out: the same on every server that serves the generation. 0: none.
  uint64_t checksum() const { return checksum_; }
  // Bit i of word t: item 64t + i may come back, no bit at or past n_items. Empty when nothing of the catalogue is out.
  std::span<const uint64_t> allowed() const { return allowed_; }

 private:
  uint64_t version_;
  uint32_t unavailable_ = 0;
  uint64_t checksum_ = 0;
  std::vector<uint64_t> allowed_;
};

using AvailabilityHandle = std::shared_ptr<const AvailabilityView>;

// Thread-safe.
class AvailabilityRegistry {
 public:
  struct Entry {
    std::weak_ptr<const Model> model;  // does not keep a generation alive
    AvailabilityHandle view;
  };
  using Table = std::vector<Entry>;

  // When it returns, requests that start see `items`. Takes the time of a new view a generation, none of it the
  // readers'.
  void Publish(std::shared_ptr<const UnavailableItems> items);
  // Makes the view of a generation before it serves, so that its first request need not.
  void Prepare(const ModelHandle& model);

  std::shared_ptr<const UnavailableItems> items() const;  // never null

  // Counts publications: unchanged means that a snapshot taken before is still current.
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  std::shared_ptr<const Table> Snapshot() const;

 private:
  void Replace(std::shared_ptr<const UnavailableItems> items, std::shared_ptr<const Table> table);

  std::mutex building_;       // held while views are made; goes before mutex_
  mutable std::mutex mutex_;  // held for an exchange of pointers
  std::shared_ptr<const UnavailableItems> items_ = std::make_shared<const UnavailableItems>();  // guarded by mutex_
  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();                        // guarded by mutex_
  std::atomic<uint64_t> epoch_{0};
};

// One thread's view of a registry: an atomic load and a look at each generation; the lock is taken only after a
// publication. Not thread-safe.
class AvailabilityReader {
 public:
  // `registry` must outlive this.
  explicit AvailabilityReader(AvailabilityRegistry* registry) : registry_(*registry) {}

  // The current view of a generation. Makes it where nobody has called Prepare. The reference is good until the next
  // call; who needs it longer copies the handle. REQUIRES: model != nullptr.
  const AvailabilityHandle& Find(const ModelHandle& model);
  const AvailabilityView& Of(const ModelHandle& model) { return *Find(model); }

 private:
  AvailabilityRegistry& registry_;
  uint64_t epoch_ = 0;
  std::shared_ptr<const AvailabilityRegistry::Table> table_;
};

}  // namespace kindred
