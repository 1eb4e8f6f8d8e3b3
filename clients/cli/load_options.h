// What `kindred load` is asked to do. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kindred {

struct LoadOptions {
  std::vector<std::string> servers{"127.0.0.1:50051"};
  double rps = 0;        // open loop: so many calls are to be sent a second, whatever becomes of them; 0: closed
  uint32_t callers = 0;  // closed loop: each sends its next call when the one before has ended
  double duration_s = 10;
  uint64_t calls = 0;        // ends the load as well; 0: as many as there is time for
  double deadline_s = 5;     // of a call
  uint32_t connections = 2;  // to each server
  std::string model;
  int32_t page_size = 10;
  bool explain = false;     // Recommend says which of the user's items counted, which is checked
  double duplicates = 0;    // share of updates that are sent twice at once, with one update_id
  bool retry = false;       // updates that failed are sent again, with their update_id, until they are acknowledged
  double retry_for_s = 30;  // after the last call of the load
};

}  // namespace kindred
