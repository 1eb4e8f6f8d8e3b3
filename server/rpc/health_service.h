// grpc.health.v1.Health on the server's own completion queues. gRPC's built-in one brings callback threads that wake
// for every event of every connection: measured here, two more thread wake-ups for each call of any method.
//
// Check answers at once; Watch tells the status now and whenever it changes. Thread-safe.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/worker.h"

namespace kindred::rpc {

class HealthService {
 public:
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;
  using Checking = UnaryCall<grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse>;
  using Service = grpc::health::v1::Health;
  using Raw = Service::WithRawMethod_Check<Service::WithAsyncMethod_Watch<Service::Service>>;

  HealthService();
  // REQUIRES: the workers have stopped.
  ~HealthService();

  Raw* service() { return &raw_; }

  // Sets the status of a service ("": the server as a whole) and tells who watches it.
  void Set(const std::string& service, bool serving);

  // Answers a Check. NOT_FOUND for a service never set.
  absl::Status Check(Checking* call);
  // Takes watches on `worker`, from now on.
  void TakeWatches(Worker* worker);
  // Ends all watches with UNAVAILABLE, and those to come.
  void EndWatches();
  // Forgets what is left of watches. REQUIRES: the workers have stopped.
  void Clear();

 private:
  class Watch;
  friend class Watch;

  Status StatusOf(const std::string& service) const;  // REQUIRES: mutex_ held

  Raw raw_;
  mutable std::mutex mutex_;
  std::map<std::string, Status> statuses_;     // guarded by mutex_
  std::list<std::unique_ptr<Watch>> watches_;  // guarded by mutex_
  bool ended_ = false;                         // guarded by mutex_
};

}  // namespace kindred::rpc
