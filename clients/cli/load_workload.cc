#include "clients/cli/load_workload.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_format.h"

namespace kindred {
namespace {

// Few, so that a crossed answer shows after a few events; some, so that answers change with every update.
constexpr uint64_t kItemsPerUser = 8;
constexpr int64_t kResidues = 64;

// FNV-1a and the finalizer of SplitMix64: the same in every run, as hashes of absl and std are not.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return Mix(hash);
}

double Unit(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

size_t ItemOf(uint64_t user_hash, uint64_t number, size_t n_items) {
  return Mix(user_hash + 0x9e3779b97f4a7c15u * (number % kItemsPerUser + 1)) % n_items;
}

int64_t ResidueOf(uint64_t user_hash) { return static_cast<int64_t>(user_hash % kResidues); }

}  // namespace

LoadWorkload::LoadWorkload(LoadWorkloadOptions options) : options_(std::move(options)), random_(options_.seed) {
  hashes_.reserve(options_.users.size());
  for (const std::string& user : options_.users) hashes_.push_back(HashOf(user));
  last_ms_.resize(options_.users.size());
  turns_.resize(options_.users.size());
  std::iota(turns_.begin(), turns_.end(), size_t{0});
  // Not std::shuffle, whose order is each library's own.
  for (size_t n = turns_.size(); n > 1; --n) std::swap(turns_[n - 1], turns_[random_() % n]);
}

PlannedCall LoadWorkload::Next(int64_t now_ms) {
  PlannedCall call;
  const double which = Unit(random_);
  call.user = random_() % options_.users.size();
  if (which >= options_.updates) {
    const bool profile = which < options_.updates + options_.profile_reads;
    call.method = profile ? LoadMethod::kGetProfile : LoadMethod::kRecommend;
    return call;
  }
  call.method = LoadMethod::kUpdateProfile;
  call.user = turns_[n_updates_ % turns_.size()];
  const uint64_t hash = hashes_[call.user];
  const int64_t from = std::max(now_ms, last_ms_[call.user] + 1);
  call.time_ms = from + (ResidueOf(hash) - from % kResidues + kResidues) % kResidues;
  last_ms_[call.user] = call.time_ms;
  call.item = options_.items[ItemOf(hash, n_updates_ / turns_.size(), options_.items.size())];
  call.update_id = absl::StrFormat("%s-%x", options_.run, n_updates_++);
  return call;
}

bool LoadWorkload::OwnsItem(size_t user, std::string_view item) const {
  for (uint64_t n = 0; n < kItemsPerUser; ++n) {
    if (options_.items[ItemOf(hashes_[user], n, options_.items.size())] == item) return true;
  }
  return false;
}

bool LoadWorkload::OwnsTime(size_t user, int64_t time_ms) const {
  return time_ms % kResidues == ResidueOf(hashes_[user]);
}

}  // namespace kindred
