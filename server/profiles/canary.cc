#include "server/profiles/canary.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/base/str_cat.h"

namespace kindred {

struct Canary::State {
  State(uint32_t keys, bool expected, std::function<void()> callback) : seen(keys), emptied(std::move(callback)) {
    for (std::atomic<bool>& one : seen) one.store(expected);
  }

  std::vector<std::atomic<bool>> seen;
  std::function<void()> emptied;
};

Canary::Canary(redis::Client* client, const std::string& key_prefix, const std::string& server_id, uint32_t keys,
               std::chrono::milliseconds ttl, bool expected, std::function<void()> emptied)
    : client_(client),
      ttl_ms_(std::to_string(ttl.count())),
      state_(std::make_shared<State>(keys, expected, std::move(emptied))) {
  for (uint32_t i = 0; i < keys; ++i) keys_.push_back(StrCat(key_prefix, "~alive~", server_id, "{", i, "}"));
}

void Canary::Look(std::chrono::steady_clock::time_point deadline) {
  for (size_t i = 0; i < keys_.size(); ++i) {
    redis::Command command;
    command.key = keys_[i];
    command.arguments = {"SET", keys_[i], "1", "PX", ttl_ms_, "GET"};
    client_->Execute(std::move(command), deadline, [state = state_, i](const redis::Reply& reply) {
      if (!reply.ok()) return;
      const bool was_there = reply.type != redis::Reply::Type::kNil;
      if (state->seen[i].exchange(true) && !was_there) state->emptied();
    });
  }
}

void Canary::Forget() {
  for (std::atomic<bool>& one : state_->seen) one.store(false);
}

}  // namespace kindred
