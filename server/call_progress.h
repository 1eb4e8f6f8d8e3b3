// What a call that is answered in steps keeps from one to the next (rpc::Call::state). Between steps the worker answers
// others, who use its WorkerState, and models are swapped: what is kept here is what must outlast both. For the thread
// of the worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_registry.h"
#include "server/cached_answer.h"
#include "server/profile_reads.h"
#include "server/profile_store.h"
#include "server/rpc/call.h"

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

  // Where the store is remote: the profiles of the entries [read_begin, read_end).
  ProfileReads reads;
  int read_begin = 0;
  int read_end = 0;
  // Where answers are cached and this one may be, once it was looked for.
  std::unique_ptr<CachedAnswer> cached;

  bool begun() const { return model != nullptr; }
  // As fresh: the call is to be answered from its beginning. REQUIRES: the call is not paused.
  void Restart() {
    model = nullptr;
    availability = nullptr;
    next = end = chunk = 0;
    plan_of = 0;
    read_begin = read_end = 0;
    cached = nullptr;
  }
  std::span<const uint64_t> available() const {
    return availability == nullptr ? std::span<const uint64_t>() : availability->allowed();
  }

  // Where the store is remote, has the profiles of the next entries of this message read, unless they are: start(entry,
  // place) begins one with reads.Start, or none. False: the call is paused until they are there.
  template <typename Start>
  bool ReadAhead(ProfileStore* store, rpc::Call* call, const Start& start) {
    if (!store->remote() || next < read_end) return true;
    read_begin = next;
    read_end = std::min(end, next + ProfileReads::kAtOnce);
    reads.Begin(store, call, static_cast<size_t>(read_end - read_begin));
    for (int entry = read_begin; entry < read_end; ++entry) start(entry, static_cast<size_t>(entry - read_begin));
    return reads.Await();
  }
  // The end of the entries that can be answered now.
  int ready_end() const { return read_end == 0 ? end : read_end; }
  // What was read for one of them; nullptr: the store is not remote.
  const FetchedProfile* fetched(int entry) const {
    return read_end == 0 ? nullptr : &reads.at(static_cast<size_t>(entry - read_begin));
  }
};

}  // namespace kindred
