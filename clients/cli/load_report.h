// Tells how a load goes, second by second as they pass, and what came of it in all. Prints to standard output: for
// people a line a second and tables, or JSON, one object a line:
//   {"start":seconds since 1970,"run","seed","servers","rps"|"callers","updates","users","items"}
//   {"second":0,"time":…, and what ToJson(LoadCounts) says of the calls that were to be sent in it}
//   {"total":{ToJson(LoadCounts), "seconds","acknowledged","retries","given_up","ledger"}}
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "clients/cli/load_counts.h"

namespace kindred {

struct LoadTotals {
  double seconds = 0;
  uint64_t acknowledged = 0;  // updates; one that was sent twice counts once
  uint64_t retries = 0;       // calls that were sent again
  uint64_t given_up = 0;      // updates that were never acknowledged
};

class LoadReport {
 public:
  explicit LoadReport(bool json) : json_(json) {}

  // `head`: what the first line says; its "start" is the beginning of second 0.
  void Start(const nlohmann::ordered_json& head);
  // A call that is to be sent in this second, and its end.
  void Sent(int64_t second) { ++seconds_[second].open; }
  void Ended(int64_t second, const LoadOutcome& outcome);
  // Prints the seconds before `now` whose calls have all ended, in order.
  void Flush(int64_t now);
  // Prints what is left, and all together.
  void Finish(const LoadTotals& totals);

  const LoadCounts& total() const { return total_; }

 private:
  struct Second {
    uint64_t open = 0;
    LoadCounts counts;
  };

  void Print(int64_t number, const LoadCounts& counts) const;

  bool json_;
  double start_ = 0;
  std::map<int64_t, Second> seconds_;  // that are not printed yet
  LoadCounts total_;
};

}  // namespace kindred
