#include "server/redis/single_router.h"

#include "server/redis/dispatcher.h"

namespace kindred::redis {

void SingleRouter::Start() {
  for (const std::string& text : options_.endpoints) {
    if (const auto endpoint = ParseEndpoint(text); endpoint.ok()) {
      nodes_.push_back(dispatcher_->AddNode(*endpoint, NodeRole::kData));
    }
  }
}

Route SingleRouter::Choose(const Operation& operation) {
  if (nodes_[current_]->closed()) return {nodes_[current_]};
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]->ready()) continue;
    current_ = i;
    // It was connected to before, and has nothing of what went to the other.
    dispatcher_->NewServer(nodes_[i]);
    break;
  }
  return {nodes_[current_]};
}

}  // namespace kindred::redis
