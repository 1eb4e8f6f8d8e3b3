// When long work should be given up: a question that loops ask now and then, without knowing whose it is. A function
// and its context instead of std::function, so that asking allocates nothing and core/ sees no caller. Not thread-safe.
#pragma once

#include <cstdint>

namespace kindred {

class WorkBudget {
 public:
  // True: stop. May do whatever it takes to find out.
  using Question = bool (*)(void* context);

  // Never stops.
  constexpr WorkBudget() = default;
  // Asks `question` at the first step and at every `every`-th after it; 0 counts as 1. `context` must outlive this.
  constexpr WorkBudget(Question question, void* context, uint32_t every = 1)
      : question_(question), context_(context), every_(every > 0 ? every : 1) {}

  // One step of the work is about to be made: true when it should not be, and from then on at each later step. What was
  // done before is whole; what is made of it is the caller's decision.
  bool should_stop() {
    if (question_ == nullptr || stopped_) return stopped_;
    if (skip_ > 0) {
      --skip_;
      return false;
    }
    skip_ = every_ - 1;
    return stopped_ = question_(context_);
  }

  // Whether should_stop has said so. Asks nobody.
  bool stopped() const { return stopped_; }

 private:
  Question question_ = nullptr;
  void* context_ = nullptr;
  uint32_t every_ = 1;
  uint32_t skip_ = 0;
  bool stopped_ = false;
};

}  // namespace kindred
