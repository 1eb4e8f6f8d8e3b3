#include "server/profiles/teller.h"

#include <pthread.h>

#include <utility>

namespace kindred {

Teller::~Teller() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Teller::Post(std::function<void()> task) {
  // Notified under the lock: when the task has run, this may be gone.
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  wake_.notify_one();
}

void Teller::Run() {
  pthread_setname_np(pthread_self(), "profile-teller");
  std::vector<std::function<void()>> tasks;
  for (bool stopping = false; !stopping;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      tasks.swap(tasks_);
      stopping = stopping_;
    }
    for (const auto& task : tasks) task();
    tasks.clear();
  }
}

}  // namespace kindred
