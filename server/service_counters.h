// What answers were made of, counted per worker without locks; readers add the workers up.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/engine/recommender.h"
#include "server/rpc/call_stats.h"

namespace kindred {

// The methods whose answers can be degraded.
enum class DegradedMethod : uint8_t { kRecommend, kGetProfile, kBatchGetProfile };
// What an answer had to do without.
enum class DegradedReason : uint8_t { kStoreUnavailable, kStaleProfile };

class ServiceCounters {
 public:
  static constexpr size_t kSources = kAnswerSources;
  static constexpr size_t kMethods = 3;  // values of DegradedMethod
  static constexpr size_t kReasons = 2;  // values of DegradedReason

  explicit ServiceCounters(uint32_t workers) : workers_(workers) {}

  void CountAnswer(uint32_t worker, AnswerSource source) {
    workers_[worker].answers[static_cast<size_t>(source)].Add(1);
  }
  void CountDegraded(uint32_t worker, DegradedMethod method, DegradedReason reason) {
    workers_[worker].degraded[static_cast<size_t>(method)][static_cast<size_t>(reason)].Add(1);
  }
  uint64_t answers(AnswerSource source) const {
    uint64_t sum = 0;
    for (const Worker& worker : workers_) sum += worker.answers[static_cast<size_t>(source)].value();
    return sum;
  }
  uint64_t degraded(DegradedMethod method, DegradedReason reason) const {
    uint64_t sum = 0;
    for (const Worker& worker : workers_) {
      sum += worker.degraded[static_cast<size_t>(method)][static_cast<size_t>(reason)].value();
    }
    return sum;
  }

 private:
  struct alignas(64) Worker {
    std::array<rpc::SingleWriterCounter, kSources> answers;
    std::array<std::array<rpc::SingleWriterCounter, kReasons>, kMethods> degraded;
  };
  std::vector<Worker> workers_;
};

}  // namespace kindred
