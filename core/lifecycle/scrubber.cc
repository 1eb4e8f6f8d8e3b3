#include "core/lifecycle/scrubber.h"

#include <algorithm>
#include <utility>

#include "core/base/thread_priority.h"

namespace kindred {
namespace {

// How often a rest is interrupted to see whether there is something new.
constexpr std::chrono::seconds kLookForNew{1};

}  // namespace

Scrubber::Scrubber(const ModelRegistry& registry, double bytes_per_second, std::chrono::seconds interval,
                   bool new_first, OnRot on_rot)
    : registry_(registry),
      bytes_per_second_(bytes_per_second),
      interval_(interval),
      new_first_(new_first),
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
  while (!stopping()) {
    // Weak: a pass takes hours, and what is next in it need not stay in memory for that.
    Generations pass;
    for (const ModelHandle& model : registry_.AllReady()) pass.push_back(model);
    for (auto next = pass.begin(); next != pass.end() && !stopping();) {
      CheckNew();
      const ModelHandle model = next->lock();
      if (model == nullptr || Check(model, /*gives_way=*/true)) ++next;
    }
    // At least a second: a pass over nothing takes no time.
    Rest(std::chrono::steady_clock::now() + std::max(interval_, std::chrono::seconds(1)));
  }
}

void Scrubber::Rest(std::chrono::steady_clock::time_point until) {
  while (!stopping() && std::chrono::steady_clock::now() < until) {
    CheckNew();
    std::unique_lock lock(mutex_);
    const auto look = std::chrono::steady_clock::now() + kLookForNew;
    stopped_.wait_until(lock, new_first_ ? std::min(look, until) : until, [this] { return stopping_; });
  }
}

void Scrubber::CheckNew() {
  if (!new_first_) return;
  std::erase_if(seen_, [](const auto& model) { return model.expired(); });
  for (ModelHandle model = NextNew(); model != nullptr && !stopping(); model = NextNew()) {
    seen_.push_back(model);
    Check(model, /*gives_way=*/false);
  }
}

ModelHandle Scrubber::NextNew() const {
  for (const ModelHandle& model : registry_.AllReady()) {
    const bool seen = std::any_of(seen_.begin(), seen_.end(), [&](const auto& other) { return other.lock() == model; });
    if (!seen && !model->poisoned()) return model;
  }
  return nullptr;
}

bool Scrubber::Check(const ModelHandle& model, bool gives_way) {
  uint64_t epoch = registry_.epoch();
  bool published = true, new_came = false;
  const auto look = [&] {
    const std::vector<ModelHandle> ready = registry_.AllReady();
    published = std::find(ready.begin(), ready.end(), model) != ready.end();
    new_came = gives_way && new_first_ && NextNew() != nullptr;
  };
  look();
  const auto go_on = [&] {
    if (const uint64_t now = registry_.epoch(); now != epoch) {
      epoch = now;
      look();
    }
    return published && !new_came && !model->poisoned() && !stopping();
  };
  if (!go_on()) return !new_came;
  const absl::Status status = model->VerifyAgain(bytes_per_second_, go_on);
  if (!absl::IsDataLoss(status) || model->poisoned()) return !new_came;
  on_rot_(model, std::string(status.message()));
  model->Poison();
  return true;
}

}  // namespace kindred
