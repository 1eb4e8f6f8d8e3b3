// An arena for one message after another: its block grows to what the largest needed, so that messages of one size are
// made without allocating from the second on. Not thread-safe.
#pragma once

#include <google/protobuf/arena.h>

#include <cstddef>
#include <memory>
#include <optional>

namespace kindred::rpc {

class GrowingArena {
 public:
  // Made at the first question; good until Reset.
  google::protobuf::Arena* arena();

  // Destroys what is on the arena. A block that was too small gives way to one of the size that was used, up to
  // limits::kMaxResponseBytes.
  void Reset();

  size_t block_bytes() const { return block_bytes_; }

 private:
  size_t block_bytes_ = 0;
  std::unique_ptr<char[]> block_;
  std::optional<google::protobuf::Arena> arena_;  // on block_
};

}  // namespace kindred::rpc
