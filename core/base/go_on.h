// Whether work that several threads share should go on, asked of someone who answers one question at a time.
#pragma once

#include <functional>
#include <mutex>

namespace kindred {

// Thread-safe. Whoever said no is not asked again.
class GoOn {
 public:
  // Always says yes.
  GoOn() = default;
  // Says what `question` says; always yes where that is empty. `question` must outlive this.
  explicit GoOn(const std::function<bool()>& question) : question_(question ? &question : nullptr) {}
  GoOn(const GoOn&) = delete;
  GoOn& operator=(const GoOn&) = delete;

  bool operator()() const {
    if (question_ == nullptr) return true;
    const std::lock_guard lock(mutex_);
    if (!stopped_) stopped_ = !(*question_)();
    return !stopped_;
  }

 private:
  const std::function<bool()>* question_ = nullptr;
  mutable std::mutex mutex_;
  mutable bool stopped_ = false;
};

}  // namespace kindred
