#include "server/profile_reads.h"

namespace kindred {

void ProfileReads::Begin(ProfileStore* store, rpc::Call* call, size_t places) {
  store_ = store;
  call_ = call;
  options_.deadline = call->steady_deadline();
  if (places_.size() < places) places_.resize(places);
  for (FetchedProfile& place : places_) {
    ClearProfile(&place.profile);
    place.status = absl::OkStatus();
    place.stale = false;
  }
  if (done_ == nullptr) done_ = [this] { Done(); };
  pending_.store(1, std::memory_order_relaxed);
}

void ProfileReads::Start(size_t place, std::string_view user_id, uint64_t min_version) {
  options_.min_version = min_version;
  pending_.fetch_add(1, std::memory_order_relaxed);
  // The one that Begin counted is left: this is never the last.
  if (store_->Fetch(user_id, options_, &places_[place], done_)) pending_.fetch_sub(1, std::memory_order_relaxed);
}

bool ProfileReads::Await() {
  // What other threads wrote before they counted down is seen here.
  if (pending_.load(std::memory_order_acquire) == 1) return true;
  call_->Pause();
  Done();
  return false;
}

void ProfileReads::Done() {
  // Whoever is last has what all others wrote behind it, and hands it on with the call.
  if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) call_->Resume();
}

}  // namespace kindred
