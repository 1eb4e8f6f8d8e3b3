// Says in Redis which model each server serves, under model:{name}:metadata, a hash with one field a server: so that it
// is seen when they do not serve the same. Thread-safe; waits for nobody, and what fails is said again the next time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/redis/client.h"

namespace kindred {

// What one server says of a model.
struct ModelSighting {
  std::string server_id;
  std::string version;
  std::string digest;
  int64_t seen_ms = 0;  // Unix time
};

class ModelMetadata {
 public:
  static constexpr std::chrono::hours kTimeToLive{24 * 7};
  using Sightings = std::function<void(std::vector<ModelSighting>)>;

  // `client` must outlive this and what is under way.
  ModelMetadata(redis::Client* client, std::string server_id);

  // This server serves `version` of the model `name`, whose content is `digest`. To be called at the start and whenever
  // that changes.
  void Publish(std::string_view name, std::string_view version, std::string_view digest);
  // It serves no such model any more.
  void Withdraw(std::string_view name);
  // Says all of it once more, and drops what servers said that have been silent for kTimeToLive. To be called hourly.
  void PublishAll();

  // Calls `done` with what all servers say of a model, by server; none when Redis does not answer.
  void List(std::string_view name, std::chrono::steady_clock::time_point deadline, Sightings done);

 private:
  struct Serving {
    std::string version, digest;
  };

  void Say(const std::string& name, const Serving& serving);

  redis::Client* const client_;
  const std::string server_id_;
  std::mutex mutex_;
  std::map<std::string, Serving, std::less<>> models_;  // guarded by mutex_
};

}  // namespace kindred
