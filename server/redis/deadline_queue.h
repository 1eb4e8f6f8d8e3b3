// Operations by deadline, each removed when it ends. A binary heap; not thread-safe. Add and Remove: O(log operations).
#pragma once

#include <cstddef>
#include <vector>

#include "server/redis/operation.h"

namespace kindred::redis {

class DeadlineQueue {
 public:
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  // REQUIRES: not empty.
  Operation* first() const { return heap_.front(); }

  // REQUIRES: it is in no queue.
  void Add(Operation* operation);
  // Without effect where it is in none.
  void Remove(Operation* operation);

 private:
  void Put(size_t index, Operation* operation);
  void Rise(size_t index);
  void Sink(size_t index);

  std::vector<Operation*> heap_;
};

}  // namespace kindred::redis
