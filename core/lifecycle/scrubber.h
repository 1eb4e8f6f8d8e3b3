// Checks loaded generations against their checksums, all the time and slowly, on a thread of low priority: memory and
// disks rot, and not every change of a file is told.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "core/lifecycle/model_registry.h"

namespace kindred {

// Thread-safe.
class Scrubber {
 public:
  // Called on the scrubber's thread, with a generation that is about to be poisoned and what was wrong.
  using OnRot = std::function<void(const ModelHandle& model, const std::string& what)>;

  // Goes through what `registry` has, rests for `interval`, and so on. A generation that is no longer there is let go
  // of at once. `registry` must outlive this. REQUIRES: bytes_per_second > 0.
  Scrubber(const ModelRegistry& registry, double bytes_per_second, std::chrono::seconds interval, OnRot on_rot);
  ~Scrubber();  // stops

 private:
  void Run();
  void Check(const ModelHandle& model);
  bool stopping() const;

  const ModelRegistry& registry_;
  const double bytes_per_second_;
  const std::chrono::seconds interval_;
  const OnRot on_rot_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

// Lowers the priority of the calling thread: 0 (as it is) to 19 (whoever else wants to run goes first).
void LowerPriority(int nice);

}  // namespace kindred
