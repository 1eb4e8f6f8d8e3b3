#include "core/lifecycle/scrubber.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace kindred {

void LowerPriority(int nice) {
  // Of a thread, on Linux. Best effort: a sandbox may forbid it.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice);
}

Scrubber::Scrubber(const ModelRegistry& registry, double bytes_per_second, std::chrono::seconds interval, OnRot on_rot)
    : registry_(registry),
      bytes_per_second_(bytes_per_second),
      interval_(interval),
      on_rot_(std::move(on_rot)),
      thread_([this] { Run(); }) {}

Scrubber::~Scrubber() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

bool Scrubber::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Scrubber::Run() {
  LowerPriority(19);
  for (;;) {
    // Weak: a pass takes hours, and what is next in it need not stay in memory for that.
    std::vector<std::weak_ptr<const Model>> pass;
    for (const ModelHandle& model : registry_.AllReady()) pass.push_back(model);
    for (const auto& next : pass) {
      if (const ModelHandle model = next.lock(); model != nullptr && !stopping()) Check(model);
    }
    // At least a second: a pass over nothing takes no time.
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, std::max(interval_, std::chrono::seconds(1)), [this] { return stopping_; })) return;
  }
}

void Scrubber::Check(const ModelHandle& model) {
  uint64_t epoch = registry_.epoch();
  bool published = true;
  const auto go_on = [&] {
    if (const uint64_t now = registry_.epoch(); now != epoch) {
      epoch = now;
      const std::vector<ModelHandle> ready = registry_.AllReady();
      published = std::find(ready.begin(), ready.end(), model) != ready.end();
    }
    return published && !model->poisoned() && !stopping();
  };
  if (!go_on()) return;
  const absl::Status status = model->VerifyAgain(bytes_per_second_, go_on);
  if (!absl::IsDataLoss(status) || model->poisoned()) return;
  on_rot_(model, std::string(status.message()));
  model->Poison();
}

}  // namespace kindred
