// A thread that tells many that what they wait for is there. It runs what it is given, in order, and nothing that waits
// for a disk. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kindred {

class Teller {
 public:
  Teller() : thread_(&Teller::Run, this) {}
  // Runs what it was given before.
  ~Teller();

  // O(1); does not block.
  void Post(std::function<void()> task);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;                     // guarded by mutex_
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace kindred
