// Counters of calls by method and worker. Each cell is written by one thread only, so counting costs no lock and no
// shared cache line; readers add the cells up. Sums read while calls run may be a call apart from one another.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kindred::rpc {

// A counter with one writer and any readers.
class SingleWriterCounter {
 public:
  void Add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

inline constexpr uint32_t kStatusCodes = 17;  // OK to UNAUTHENTICATED

// Upper bounds of the handling-time buckets, seconds; one more bucket is unbounded. Fine below a millisecond, where
// answers are, and with the edges that objectives are set at above.
inline constexpr std::array<double, 18> kHandlingBounds = {
    .00001, .000025, .00005, .0001, .00025, .0005, .001, .002, .003, .005, .0075, .01, .015, .025, .05, .1, .25, 1};

// One method on one worker.
struct alignas(64) CallCounters {
  SingleWriterCounter started;
  std::array<SingleWriterCounter, kStatusCodes> handled;
  std::array<SingleWriterCounter, kHandlingBounds.size() + 1> handling;  // calls per bucket, not cumulative
  SingleWriterCounter handling_ns;

  void Observe(uint64_t elapsed_ns);
};

struct MethodName {
  std::string service;         // "kindred.v1.RecommendationService"
  std::string method;          // "Recommend"
  std::string type = "unary";  // or "server_stream"
};

class CallStats {
 public:
  CallStats(std::vector<MethodName> methods, uint32_t workers);

  const std::vector<MethodName>& methods() const { return methods_; }
  uint32_t workers() const { return workers_; }
  CallCounters& cell(uint32_t method, uint32_t worker) { return cells_[method * workers_ + worker]; }
  const CallCounters& cell(uint32_t method, uint32_t worker) const { return cells_[method * workers_ + worker]; }

 private:
  std::vector<MethodName> methods_;
  uint32_t workers_;
  std::unique_ptr<CallCounters[]> cells_;
};

}  // namespace kindred::rpc
