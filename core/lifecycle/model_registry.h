// The generations that serve, one a model, published by pointer: a reader holds the one it found until it lets go.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/model.h"

namespace kindred {

using ModelHandle = std::shared_ptr<const Model>;

// Thread-safe.
class ModelRegistry {
 public:
  using Table = std::map<std::string, ModelHandle, std::less<>>;

  ModelRegistry() : table_(std::make_shared<const Table>()) {}

  // Publishes `model` under its name, in place of the one there.
  void Publish(ModelHandle model);

  // The generation serving `name`; nullptr when there is none. "" finds the only model when there is exactly one.
  // Takes a lock; a request thread uses a ModelReader.
  ModelHandle Find(std::string_view name) const;

  std::vector<ModelHandle> All() const;  // by name

  // Counts publications: unchanged means that a snapshot taken before is still current.
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  std::shared_ptr<const Table> Snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_;  // guarded by mutex_; the table itself never changes
  std::atomic<uint64_t> epoch_{0};
};

// One thread's view of a registry: Find costs an atomic load and a map look-up; the lock is taken only after a
// publication. Not thread-safe. Keeps the generations of its last snapshot alive until its next call.
class ModelReader {
 public:
  // `registry` must outlive this.
  explicit ModelReader(const ModelRegistry& registry) : registry_(registry) {}

  // As ModelRegistry::Find. The reference is good until the next call.
  const ModelHandle& Find(std::string_view name);

  // Lets go of generations that are no longer published; for idle threads.
  void Refresh();

 private:
  const ModelRegistry& registry_;
  uint64_t epoch_ = 0;
  std::shared_ptr<const ModelRegistry::Table> table_;
};

}  // namespace kindred
