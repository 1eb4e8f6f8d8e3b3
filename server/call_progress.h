// What a call that is answered in steps keeps from one to the next (rpc::Call::state). Between steps the worker answers
// others, who use its WorkerState, and models are swapped: what is kept here is what must outlast both. For the thread
// of the worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_registry.h"

namespace kindred {

struct CallProgress {
  // The generation that answers, from the first step to the last, and what of it may come back. Null before the first.
  ModelHandle model;
  AvailabilityHandle availability;
  int next = 0;          // the entry of the request that is next
  int end = 0;           // and the one after the last of this message
  int chunk = 0;         // entries of a message of a stream
  size_t room = 0;       // bytes that entries of this message may still take
  int64_t now_ms = 0;    // the time of events that have none
  uint64_t plan_of = 0;  // the turn of the worker that last had the plan of this call; 0: none

  bool begun() const { return model != nullptr; }
  std::span<const uint64_t> available() const {
    return availability == nullptr ? std::span<const uint64_t>() : availability->allowed();
  }
};

}  // namespace kindred
