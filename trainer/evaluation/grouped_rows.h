// The rows of an event log by user and in time order, and a seeded sample of users. Plain values; pure functions,
// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/data/event_log.h"

namespace kindred {

// Users that have a row, by ascending id, so that nothing depends on the order of a file.
struct GroupedRows {
  std::vector<uint32_t> users;    // [n] user numbers of the log
  std::vector<uint64_t> offsets;  // [n + 1]
  std::vector<uint32_t> rows;     // row numbers, ascending in time, equal times in input order

  size_t size() const { return users.size(); }
  std::span<const uint32_t> Rows(size_t i) const {
    return std::span(rows).subspan(offsets[i], offsets[i + 1] - offsets[i]);
  }
};

// O(rows log rows).
GroupedRows GroupByUser(const EventLog& log);

// `count` of the numbers 0 … n − 1, each subset as likely, ascending; all of them when count is 0 or ≥ n. The same seed
// gives the same sample on every machine.
std::vector<uint32_t> SampleUsers(uint32_t n, uint32_t count, uint64_t seed);

// splitmix64 (Steele, Lea & Flood 2014): a stream of 64 random bits that is the same everywhere.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  // Uniform in [0, bound), without modulo bias. REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound);

 private:
  uint64_t state_;
};

}  // namespace kindred
