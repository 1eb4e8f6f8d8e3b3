// The model store on disk, models/<model>/<version>/bundle.safetensors, and the generations that serve from it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/engine/model.h"

namespace kindred {

struct StoredVersion {
  std::string model;
  uint64_t version = 0;
  std::string path;  // of bundle.safetensors
};

// Every complete version under `root`, by model, then ascending version. A version directory is a decimal number;
// others, and directories without a bundle file, are not versions. NOT_FOUND when `root` is not a directory.
absl::StatusOr<std::vector<StoredVersion>> ScanModelStore(const std::string& root);

// The generations that serve, one a model. Thread-safe; Find is a lock-free read of a shared pointer.
class ModelRegistry {
 public:
  // Publishes `model` under its name, in place of the one there.
  void Publish(std::shared_ptr<const Model> model);

  // The generation serving `name`, held until the handle goes; nullptr when there is none. "" finds the only model when
  // there is exactly one.
  std::shared_ptr<const Model> Find(std::string_view name) const;

  std::vector<std::shared_ptr<const Model>> All() const;  // by name

 private:
  using Table = std::map<std::string, std::shared_ptr<const Model>, std::less<>>;
  std::mutex publish_mutex_;
  std::shared_ptr<const Table> table_ = std::make_shared<Table>();  // read and replaced atomically
};

// Loads the latest version of every model under `root` that passes every check, golden queries included, and publishes
// it. A version that fails is skipped for the next older one; `report` receives one line for each load and each
// failure. NOT_FOUND when no model at all could be loaded.
absl::Status LoadLatest(const std::string& root, ModelRegistry* registry, std::vector<std::string>* report);

}  // namespace kindred
