#include "server/redis/deadline_queue.h"

namespace kindred::redis {

void DeadlineQueue::Put(size_t index, Operation* operation) {
  heap_[index] = operation;
  operation->deadline_index = index;
}

void DeadlineQueue::Rise(size_t index) {
  Operation* const moved = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent]->deadline <= moved->deadline) break;
    Put(index, heap_[parent]);
    index = parent;
  }
  Put(index, moved);
}

void DeadlineQueue::Sink(size_t index) {
  Operation* const moved = heap_[index];
  for (size_t child = 2 * index + 1; child < heap_.size(); child = 2 * index + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1]->deadline < heap_[child]->deadline) ++child;
    if (moved->deadline <= heap_[child]->deadline) break;
    Put(index, heap_[child]);
    index = child;
  }
  Put(index, moved);
}

void DeadlineQueue::Add(Operation* operation) {
  heap_.push_back(operation);
  Rise(heap_.size() - 1);
}

void DeadlineQueue::Remove(Operation* operation) {
  const size_t index = operation->deadline_index;
  if (index == Operation::kNoIndex) return;
  operation->deadline_index = Operation::kNoIndex;
  Operation* const last = heap_.back();
  heap_.pop_back();
  if (last == operation) return;
  heap_[index] = last;
  Rise(index);
  Sink(last->deadline_index);
}

}  // namespace kindred::redis
