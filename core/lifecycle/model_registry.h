// The generations that serve, published by pointer: a reader holds the one it found until it lets go. A model has one
// generation that serves and may have more that are ready: that of a label, that of a canary, earlier ones to go back
// to.
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

// Shares of users and of requests are given in steps of a hundredth of a percent.
inline constexpr uint32_t kWholeShare = 10'000;

// Which generation of one model answers which request. Immutable once published.
struct ModelRoutes {
  ModelHandle serving;              // never null
  std::vector<ModelHandle> others;  // also ready; the first one that is sound answers where `serving` is poisoned
  std::map<std::string, ModelHandle, std::less<>> labels;
  ModelHandle canary;         // null: none
  uint32_t canary_share = 0;  // of users, by a hash of their id; of kWholeShare
  ModelHandle shadow;         // null: none
  uint32_t shadow_share = 0;  // of requests; of kWholeShare
};

// Whether the canary of `model` answers `user`: the same at any time and on any server. A share that grows keeps those
// whom it had.
bool IsCanaryUser(std::string_view model, std::string_view user, uint32_t share);

// Thread-safe.
class ModelRegistry {
 public:
  using Routes = std::shared_ptr<const ModelRoutes>;
  using Table = std::map<std::string, Routes, std::less<>>;

  ModelRegistry() : table_(std::make_shared<const Table>()) {}

  // Publishes `routes` under the name of its serving generation, in place of what is there.
  void Publish(ModelRoutes routes);
  // A generation alone.
  void Publish(ModelHandle model) {
    ModelRoutes routes;
    routes.serving = std::move(model);
    Publish(std::move(routes));
  }
  // Takes a model out; its requests are answered NOT_FOUND from now on.
  void Remove(std::string_view name);

  // As ModelReader::Find. Takes a lock; a request thread uses a ModelReader.
  ModelHandle Find(std::string_view reference) const;

  std::vector<ModelHandle> All() const;       // that serve, by name
  std::vector<ModelHandle> AllReady() const;  // those and the others, by name; the serving one of a model first

  // Counts publications: unchanged means that a snapshot taken before is still current.
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  std::shared_ptr<const Table> Snapshot() const;

 private:
  void Replace(std::shared_ptr<const Table> table);

  std::mutex publishing_;  // goes before mutex_
  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_;  // guarded by mutex_; the table itself never changes
  std::atomic<uint64_t> epoch_{0};
};

// One thread's view of a registry: Find costs an atomic load, a map look-up and a look at whether the generation is
// sound; the lock is taken only after a publication. Not thread-safe. Keeps the generations of its last snapshot alive
// until its next call.
class ModelReader {
 public:
  // `registry` must outlive this.
  explicit ModelReader(const ModelRegistry& registry) : registry_(registry) {}

  // The generation that answers: `reference` is a model's name, or "<model>@<label>" or "<model>@<version>" for one of
  // its ready generations; without a name, of the only model when there is exactly one. Of a name alone the canary
  // answers its share of users (`user` not empty). A generation that is poisoned is passed over for the next one that
  // is sound, unless the reference says its version. nullptr when there is none. The reference returned is good until
  // the next call.
  const ModelHandle& Find(std::string_view reference, std::string_view user = {});
  // The routes of a name or a reference; nullptr when there is no such model. Good until the next call.
  const ModelRoutes* FindRoutes(std::string_view reference);

  // Lets go of generations that are no longer published; for idle threads.
  void Refresh();

 private:
  const ModelRegistry& registry_;
  uint64_t epoch_ = 0;
  std::shared_ptr<const ModelRegistry::Table> table_;
};

}  // namespace kindred
