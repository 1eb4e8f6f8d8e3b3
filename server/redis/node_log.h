// What is logged of a node: changes of its state, at most one line a second; of those that come sooner the last one is
// written when its time has come. Belongs to the loop's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/redis/event_loop.h"
#include "server/redis/operation.h"

namespace kindred::redis {

class NodeLog {
 public:
  NodeLog(EventLoop* loop, std::string node);

  void Info(std::string_view message, std::string_view reason = {}) {
    Add({false, std::string(message), std::string(reason)});
  }
  void Warn(std::string_view message, std::string_view reason = {}) {
    Add({true, std::string(message), std::string(reason)});
  }
  void Stop() { later_.Cancel(); }

 private:
  struct Line {
    bool warning = false;
    std::string message, reason;
  };

  void Add(Line line);
  void Write();

  const std::string node_;
  Time last_;
  Line pending_;
  uint64_t left_out_ = 0;
  Timer later_;
};

}  // namespace kindred::redis
