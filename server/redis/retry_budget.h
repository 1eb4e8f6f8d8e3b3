// How many commands may be sent again: a tenth of those that there are, so that retries never make an outage worse. Not
// thread-safe.
#pragma once

#include <algorithm>

namespace kindred::redis {

class RetryBudget {
 public:
  // A command was submitted.
  void Deposit() { tokens_ = std::min(tokens_ + kShare, kMost); }
  // Whether one may be sent again; it counts.
  bool Withdraw() {
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  static constexpr double kShare = 0.1;
  // What a lost connection may hold in flight on a busy client.
  static constexpr double kMost = 100;

  double tokens_ = 10;  // a client that has just started has something as well
};

}  // namespace kindred::redis
