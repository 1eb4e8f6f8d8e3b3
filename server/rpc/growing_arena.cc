#include "server/rpc/growing_arena.h"

#include <algorithm>

#include "server/limits.h"

namespace kindred::rpc {

google::protobuf::Arena* GrowingArena::arena() {
  if (arena_.has_value()) return &*arena_;
  if (block_ == nullptr) {
    block_bytes_ = std::max(block_bytes_, limits::kCallArenaBytes);
    block_ = std::make_unique_for_overwrite<char[]>(block_bytes_);
  }
  google::protobuf::ArenaOptions options;
  options.initial_block = block_.get();
  options.initial_block_size = block_bytes_;
  return &arena_.emplace(options);
}

void GrowingArena::Reset() {
  if (!arena_.has_value()) return;
  const size_t used = arena_->SpaceAllocated();
  if (used <= block_bytes_ || block_bytes_ >= limits::kMaxResponseBytes) {
    arena_->Reset();
    return;
  }
  arena_.reset();
  block_ = nullptr;
  block_bytes_ = std::min(used, limits::kMaxResponseBytes);
}

}  // namespace kindred::rpc
