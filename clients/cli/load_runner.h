// Sends the calls of a load and takes their answers, over asynchronous gRPC. Open loop: call n is due n / rps seconds
// after the start and its latency counts from then, also when this process or the connection is late, so a server that
// stalls cannot hide what would have come in meanwhile. Two threads: the caller's sends what is due, one more takes the
// answers.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <vector>

#include "absl/status/status.h"
#include "clients/cli/load_call.h"
#include "clients/cli/load_ledger.h"
#include "clients/cli/load_options.h"
#include "clients/cli/load_report.h"
#include "clients/cli/load_workload.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"

namespace kindred {

class LoadRunner {
 public:
  using Clock = std::chrono::steady_clock;

  // All outlive this. `known_users`: nobody but `kindred load` has given the users events.
  LoadRunner(const LoadOptions& options, bool known_users, LoadWorkload* workload, LedgerWriter* ledger,
             LoadReport* report);
  ~LoadRunner();

  // Blocks until the load is over and all calls have ended. SIGINT and SIGTERM end it early, the same way. The error of
  // the ledger, where it could not be written. Once. `start_ms`: the time of day.
  absl::Status Run(int64_t start_ms);

  const LoadTotals& totals() const { return totals_; }

 private:
  struct Call;
  // What is known of an update, whichever of its calls brings it.
  struct Fate {
    int open = 0;  // calls that may still acknowledge it
    bool acknowledged = false;
  };
  // A call that is to be sent, for the first time or again. Of a closed loop: without a plan, the caller's next.
  struct Job {
    Clock::time_point due, intended;
    std::optional<PlannedCall> plan;
    std::shared_ptr<Fate> fate;  // of an update
    size_t target = 0;           // which channel
    int attempt = 0;
    bool of_caller = false;  // its end lets a caller of the closed loop go on

    bool operator<(const Job& other) const { return due > other.due; }  // the earliest is the top
  };

  // Those with a REQUIRES hold mutex_.
  void SendNext(Clock::time_point intended);
  void Send(Job job);
  void Push(Job job);
  void SendAgain();
  void End(Call* call, bool ok);
  void EndUpdate(Call* call, const absl::Status& status);
  void TakeAnswers();
  bool CallsAreOver() const { return options_.calls > 0 && n_sent_ >= options_.calls; }
  int64_t SecondOf(Clock::time_point time) const;

  const LoadOptions& options_;
  const bool known_users_;
  LoadWorkload* const workload_;
  LedgerWriter* const ledger_;
  LoadReport* const report_;
  std::vector<std::unique_ptr<v1::RecommendationService::Stub>> stubs_;  // server by server, then again
  grpc::CompletionQueue queue_;

  std::mutex mutex_;  // guards all below, and what the pointers above point to
  std::condition_variable changed_;
  std::priority_queue<Job> jobs_;
  std::queue<Job> again_;  // calls that are due again and wait for others of their kind to end
  size_t open_calls_ = 0, open_repeats_ = 0;
  size_t n_sent_ = 0;
  Clock::time_point start_, end_;
  int64_t start_ms_ = 0;
  absl::Status ledger_status_;
  LoadTotals totals_;
};

}  // namespace kindred
