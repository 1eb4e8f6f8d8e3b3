// Checks loaded generations against their checksums, all the time and slowly, on a thread of low priority: memory and
// disks rot, and not every change of a file is told.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/lifecycle/model_registry.h"

namespace kindred {

// Thread-safe.
class Scrubber {
 public:
  // Called on the scrubber's thread, with a generation that is about to be poisoned and what was wrong.
  using OnRot = std::function<void(const ModelHandle& model, const std::string& what)>;

  // Goes through what `registry` has, rests for `interval`, and so on. A generation that is no longer there is let go
  // of at once. new_first: what is newly published goes before the pass or the rest that is going on, as nobody has
  // read it whole. `registry` must outlive this. REQUIRES: bytes_per_second > 0.
  Scrubber(const ModelRegistry& registry, double bytes_per_second, std::chrono::seconds interval, bool new_first,
           OnRot on_rot);
  ~Scrubber();  // stops

 private:
  using Generations = std::vector<std::weak_ptr<const Model>>;

  void Run();
  void CheckNew();
  // False: something new came first.
  bool Check(const ModelHandle& model, bool gives_way);
  ModelHandle NextNew() const;
  void Rest(std::chrono::steady_clock::time_point until);
  bool stopping() const;

  const ModelRegistry& registry_;
  const double bytes_per_second_;
  const std::chrono::seconds interval_;
  const bool new_first_;
  const OnRot on_rot_;
  Generations seen_;  // the thread's: what is not new any more
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace kindred
