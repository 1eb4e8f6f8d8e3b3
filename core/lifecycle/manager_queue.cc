#include "core/lifecycle/manager_queue.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace kindred {
namespace {

using Kind = ManagerTask::Kind;

bool IsSame(const ManagerTask& a, const ManagerTask& b) {
  const auto key = [](const ManagerTask& task) {
    return std::tie(task.kind, task.model, task.version, task.pin, task.force, task.label, task.share);
  };
  return key(a) == key(b);
}

// Loads and dry runs leave one another's outcome as it is; everything else of a model goes in the order it was asked.
bool IsIndifferent(const ManagerTask& task) { return task.kind == Kind::kLoad || task.kind == Kind::kValidate; }

}  // namespace

bool ManagerQueue::Push(ManagerTask* task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  tasks_.push_back(std::move(*task));
  return true;
}

std::optional<ManagerTask> ManagerQueue::Pop() {
  const std::lock_guard lock(mutex_);
  if (tasks_.empty()) return std::nullopt;
  ManagerTask task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

std::vector<ManagerTask> ManagerQueue::TakeSame(const ManagerTask& task) {
  const std::lock_guard lock(mutex_);
  std::vector<ManagerTask> same;
  std::deque<ManagerTask> rest;
  bool in_order = true;
  for (ManagerTask& other : tasks_) {
    if (in_order && IsSame(task, other)) {
      same.push_back(std::move(other));
      continue;
    }
    if (other.model == task.model && !(IsIndifferent(task) && IsIndifferent(other))) in_order = false;
    rest.push_back(std::move(other));
  }
  tasks_ = std::move(rest);
  return same;
}

bool ManagerQueue::WantsAnother(std::string_view model, uint64_t version) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(tasks_.begin(), tasks_.end(), [&](const ManagerTask& task) {
    const bool another = task.kind == Kind::kRollback || (task.kind == Kind::kActivate && task.version != version);
    return another && task.model == model;
  });
}

bool ManagerQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return tasks_.empty();
}

std::vector<ManagerTask> ManagerQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  std::vector<ManagerTask> rest(std::make_move_iterator(tasks_.begin()), std::make_move_iterator(tasks_.end()));
  tasks_.clear();
  return rest;
}

}  // namespace kindred
