// What answers were made of, counted per worker without locks; readers add the workers up.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/engine/recommender.h"
#include "server/rpc/call_stats.h"

namespace kindred {

// The methods whose answers can be degraded.
enum class DegradedMethod : uint8_t { kRecommend, kGetProfile };

class ServiceCounters {
 public:
  static constexpr size_t kSources = kAnswerSources;
  static constexpr size_t kMethods = 2;  // values of DegradedMethod

  explicit ServiceCounters(uint32_t workers) : workers_(workers) {}

  void CountAnswer(uint32_t worker, AnswerSource source) {
    workers_[worker].answers[static_cast<size_t>(source)].Add(1);
  }
  void CountDegraded(uint32_t worker, DegradedMethod method) {
    workers_[worker].degraded[static_cast<size_t>(method)].Add(1);
  }
  uint64_t answers(AnswerSource source) const {
    uint64_t sum = 0;
    for (const Worker& worker : workers_) sum += worker.answers[static_cast<size_t>(source)].value();
    return sum;
  }
  uint64_t degraded(DegradedMethod method) const {
    uint64_t sum = 0;
    for (const Worker& worker : workers_) sum += worker.degraded[static_cast<size_t>(method)].value();
    return sum;
  }

 private:
  struct alignas(64) Worker {
    std::array<rpc::SingleWriterCounter, kSources> answers;
    std::array<rpc::SingleWriterCounter, kMethods> degraded;
  };
  std::vector<Worker> workers_;
};

}  // namespace kindred
