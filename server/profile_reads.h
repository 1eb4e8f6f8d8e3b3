// The reads of profiles that one call waits for, where the store is another machine: all are begun, the call is paused,
// and goes on when the last of them is there. Where every profile was at hand nobody waits. For the worker's thread;
// only the store ends reads on others.
//
// Use: Begin, Start for each user, Await; when that says so, or when the call has been resumed, what was read is in its
// places until the next Begin. REQUIRES: not destroyed, nor begun anew, while the call is paused; a call that is paused
// does not end, so who lives in its state is safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "server/profile_store.h"
#include "server/rpc/call.h"

namespace kindred {

class ProfileReads {
 public:
  // Reads that are begun together: as many as make the way to the store worth it, as few as are soon answered.
  static constexpr int kAtOnce = 128;

  ProfileReads() = default;
  ProfileReads(const ProfileReads&) = delete;
  ProfileReads& operator=(const ProfileReads&) = delete;

  // Empties `places` places, in which nobody has been read. Keeps the capacity of their profiles.
  void Begin(ProfileStore* store, rpc::Call* call, size_t places);
  // Begins to read a user into a place, which was not given to another since Begin; see FetchOptions::min_version.
  void Start(size_t place, std::string_view user_id, uint64_t min_version);
  // True: all are there. False: the call is paused, and is resumed when they are.
  bool Await();

  // What is in a place: version 0 and OK where nothing was begun.
  const FetchedProfile& at(size_t place) const { return places_[place]; }
  FetchedProfile& at(size_t place) { return places_[place]; }

 private:
  void Done();

  ProfileStore* store_ = nullptr;
  rpc::Call* call_ = nullptr;
  FetchOptions options_;
  std::vector<FetchedProfile> places_;  // of one size while reads are under way: they write here
  std::function<void()> done_;
  std::atomic<uint32_t> pending_{0};  // reads under way, and one more until Await has paused the call
};

}  // namespace kindred
