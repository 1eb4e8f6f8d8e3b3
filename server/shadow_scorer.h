// How the version labelled "shadow" would have answered: a sample of live Recommend calls is answered by it too, on one
// thread of low priority, and compared with what was given. Nobody waits for it: what it has no time for is dropped,
// and counted. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/profile_store.h"
#include "server/recommend_methods.h"
#include "server/rpc/unary_call.h"
#include "server/service_counters.h"
#include "server/worker_state.h"

namespace kindred {

// What was found since a version became the shadow of the one that serves. Means are 0 where nothing was compared.
struct ShadowFigures {
  std::string model, version;
  uint64_t compared = 0;
  uint64_t failed = 0;   // of the sample: the shadow has no answer, such as for a space that it lacks
  uint64_t dropped = 0;  // of the sample: too many waited
  double overlap = 0;    // mean share of a list's items that both give
  // Mean of |score − shadow's score| / |score|, over items in both lists.
  double score_shift = 0;
  double latency_ratio = 0;  // CPU time of the shadow's answers over that of those given
};

class ShadowScorer {
 public:
  // Calls of the sample that may wait.
  static constexpr size_t kMaxWaiting = 64;

  // All must outlive this.
  ShadowScorer(const ModelRegistry* models, AvailabilityRegistry* availability, ProfileStore* store);
  // Waits for the answer that is being made; those that wait are forgotten.
  ~ShadowScorer();

  // For request threads. Draws whether a call may be of the sample: nullopt, which costs two atomic loads and a random
  // number, or what Offer wants to know.
  std::optional<uint32_t> Draw();
  // Of a call that Draw chose and that was answered with `response` from `routes`, which may be null, in `cpu_ns` of
  // this thread's time. Copies the request and the list.
  void Offer(uint32_t draw, const ModelRoutes* routes, const v1::RecommendRequest& request,
             const v1::RecommendResponse& response, int64_t cpu_ns);
  // The CPU time of the calling thread.
  static int64_t ThreadCpuNs();

  // Of the versions that are shadows now, by model.
  std::vector<ShadowFigures> Figures() const;

 private:
  struct Task {
    ModelHandle shadow;
    std::string serving;  // the digest of the generation that answered
    std::string request;  // serialized
    std::vector<std::pair<std::string, float>> given;
    int64_t cpu_ns = 0;
  };
  // Sums over what was compared, of one pair of generations.
  struct Sums {
    std::string version, digest, serving;
    uint64_t compared = 0, failed = 0, dropped = 0, shifts = 0;
    double overlap = 0, shift = 0;
    int64_t given_ns = 0, shadow_ns = 0;
  };
  using Call = rpc::UnaryCall<v1::RecommendRequest, v1::RecommendResponse>;

  // Learns the largest share anew when models were published since.
  void LearnShare();
  // Where the task belongs; nullptr where another generation serves by now, or is the shadow. REQUIRES: figures_mutex_
  Sums* SumsOf(const Task& task);
  // Takes away what is of shadows that are none any more. REQUIRES: figures_mutex_
  void Forget(const ModelRegistry::Table& table) const;
  static bool AreOf(const Sums& sums, const ModelRoutes& routes);
  void Run();
  void Answer(const Task& task);
  void HandleStep(Call* call);
  void Compare(const Task& task, const v1::RecommendResponse& response, int64_t cpu_ns);

  const ModelRegistry* const models_;
  std::atomic<uint64_t> known_epoch_{UINT64_MAX};
  std::atomic<uint32_t> most_share_{0};

  // Of the thread: the shadow is the only model that it sees.
  ModelRegistry shadows_;
  ServiceCounters counters_{1};
  RecommendMethods methods_;
  WorkerState state_;
  const Call::Handler handler_ = [this](Call* call) { HandleStep(call); };
  Call call_{&handler_};
  const Task* task_ = nullptr;  // that is being answered

  std::mutex queue_mutex_;  // goes before figures_mutex_
  std::condition_variable queued_;
  std::deque<Task> queue_;  // guarded by queue_mutex_
  bool stopping_ = false;   // guarded by queue_mutex_
  mutable std::mutex figures_mutex_;
  mutable std::map<std::string, Sums, std::less<>> sums_;  // by model; guarded by figures_mutex_
  std::thread thread_;                                     // last: it uses the rest
};

}  // namespace kindred
