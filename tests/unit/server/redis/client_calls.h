// Calls of a redis::Client that wait for the reply, and polling with a deadline, for tests.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/redis/client.h"

namespace kindred::redis {

inline constexpr std::chrono::milliseconds kPatience{10'000};

inline std::chrono::steady_clock::time_point In(std::chrono::nanoseconds time) {
  return std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
}

inline std::future<Reply> Post(Client& client, std::vector<std::string> arguments,
                               std::chrono::nanoseconds timeout = kPatience, bool repeatable = false) {
  Command command;
  if (arguments.size() > 1) command.key = arguments[1];
  command.arguments = std::move(arguments);
  command.repeatable = repeatable;
  auto promise = std::make_shared<std::promise<Reply>>();
  std::future<Reply> future = promise->get_future();
  client.Execute(std::move(command), In(timeout), [promise](Reply reply) { promise->set_value(std::move(reply)); });
  return future;
}

inline Reply Call(Client& client, std::vector<std::string> arguments, std::chrono::nanoseconds timeout = kPatience,
                  bool repeatable = false) {
  return Post(client, std::move(arguments), timeout, repeatable).get();
}

// Whether `condition` holds before the deadline.
template <typename Condition>
bool Eventually(Condition condition, std::chrono::milliseconds patience = std::chrono::milliseconds(30'000)) {
  const auto deadline = In(patience);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace kindred::redis
