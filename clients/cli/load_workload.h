// What `kindred load` asks: which call comes next, about whom, and what an update says. The same seed gives the same
// sequence. Not thread-safe.
//
// Reads are of users by chance. Updates take the users in turn, in an order by chance, so that nobody's history is full
// before the others' are.
//
// Each user has a few items of the catalogue and a residue of the clock of their own, both from a hash of the user's
// id, and updates name nothing else. So an event says whose it is, and one that turns up in another user's profile is
// found out.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace kindred {

enum class LoadMethod : uint8_t { kRecommend, kGetProfile, kUpdateProfile };

struct LoadWorkloadOptions {
  std::vector<std::string> users;  // not empty
  std::vector<std::string> items;  // the catalogue, not empty, sorted
  double updates = 0.2;            // shares of all calls; the rest is Recommend
  double profile_reads = 0;
  uint64_t seed = 1;
  std::string run;  // what the update ids of this run begin with: no other run's do
};

struct PlannedCall {
  LoadMethod method = LoadMethod::kRecommend;
  size_t user = 0;  // of the options' users
  // Of an update.
  std::string update_id;
  std::string_view item;
  int64_t time_ms = 0;
};

class LoadWorkload {
 public:
  explicit LoadWorkload(LoadWorkloadOptions options);

  // `now_ms`: the time of day. An update's time is the first one from then on that is its user's and that no update
  // of the user has had.
  PlannedCall Next(int64_t now_ms);

  const std::string& user(size_t index) const { return options_.users[index]; }
  // Whether an update of this user may have named `item`, and had `time_ms`. O(items of a user).
  bool OwnsItem(size_t user, std::string_view item) const;
  bool OwnsTime(size_t user, int64_t time_ms) const;

 private:
  LoadWorkloadOptions options_;
  std::vector<uint64_t> hashes_;  // of users
  std::vector<int64_t> last_ms_;  // of each user's updates
  std::vector<size_t> turns_;     // users in the order of their updates
  std::mt19937_64 random_;
  uint64_t n_updates_ = 0;
};

}  // namespace kindred
