// A command on its way: from Execute through queues and connections to its one reply.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "server/redis/client.h"

namespace kindred::redis {

class Connection;
class Node;
struct NodeCounters;

using Time = std::chrono::steady_clock::time_point;

struct Operation {
  static constexpr size_t kNoIndex = std::numeric_limits<size_t>::max();

  struct Free {
    void operator()(char* text) const { std::free(text); }
  };

  std::unique_ptr<char, Free> wire;  // as sent
  size_t wire_bytes = 0;
  Client::Done done;
  Time start, sent, deadline;  // sent: to the node that has it now
  uint16_t slot = 0;
  bool any_node = false;    // no key: slot says nothing
  bool repeatable = false;  // Command::repeatable
  bool internal = false;    // one of the client's own: it appears in no figures
  bool repeated = false;
  bool asking = false;  // an ASKING goes ahead of it
  bool ended = false;   // done was called; what is left waits for a reply to be dropped
  uint8_t redirections = 0;
  uint32_t try_agains = 0;

  // Where it is. Null: nowhere that needs to hear of its end.
  Node* node = nullptr;
  Connection* connection = nullptr;
  NodeCounters* counters = nullptr;  // of the node that it was given to last
  size_t deadline_index = kNoIndex;  // in DeadlineQueue
  Operation* next = nullptr;         // in SubmitQueue
};

using OperationPtr = std::unique_ptr<Operation>;

// REQUIRES: at least one argument.
OperationPtr MakeOperation(const Command& command, Time now, Time deadline, Client::Done done);

// One of the client's own.
OperationPtr MakeInternal(const std::vector<std::string_view>& arguments, Time now, Time deadline, Client::Done done);

}  // namespace kindred::redis
