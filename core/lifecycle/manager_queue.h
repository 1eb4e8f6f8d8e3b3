// What the manager was asked for and has not done yet. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/lifecycle/model_manager.h"

namespace kindred {

struct ManagerTask {
  enum class Kind : uint8_t { kLoad, kValidate, kActivate, kFollow, kRollback, kUnload, kSetLabel };

  Kind kind = Kind::kLoad;
  std::string model;
  uint64_t version = 0;  // of kRollback: the one to leave
  bool pin = false;
  bool force = false;
  std::string label;
  uint32_t share = 0;
  ModelManager::Done done;
};

class ManagerQueue {
 public:
  // False after Close: `task` is still the caller's.
  bool Push(ManagerTask* task);
  std::optional<ManagerTask> Pop();
  // Takes out those that ask for the same as `task` and would find what it did: nothing in between undoes it.
  std::vector<ManagerTask> TakeSame(const ManagerTask& task);
  // Whether someone waits for another version of `model` than `version` to serve.
  bool WantsAnother(std::string_view model, uint64_t version) const;
  bool empty() const;
  // Takes nothing more; what was left.
  std::vector<ManagerTask> Close();

 private:
  mutable std::mutex mutex_;
  std::deque<ManagerTask> tasks_;  // guarded by mutex_, as is the rest
  bool closed_ = false;
};

}  // namespace kindred
