// Says on standard error how far a long command has come: a line that is written over on a terminal, else one every ten
// seconds. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kindred {

class TransferProgress {
 public:
  // `what`: "profiles exported". Quiet ones say nothing.
  TransferProgress(std::string what, bool quiet);
  // Ends a line that was written over.
  ~TransferProgress();

  // `done` is all there is by now.
  void Update(uint64_t done);
  // Takes the line away, for something else to be said; the next Update brings it back.
  void Interrupt();

 private:
  using Clock = std::chrono::steady_clock;

  const std::string what_;
  const bool quiet_;
  const bool terminal_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_;
  bool shown_ = false;
};

// "1234567" as "1,234,567".
std::string WithCommas(uint64_t number);

}  // namespace kindred
