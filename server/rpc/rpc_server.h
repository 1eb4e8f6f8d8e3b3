// The gRPC server: a list of methods with their handlers, answered by one completion queue and one thread a core, plus
// the standard health service and reflection.
//
// Use: Add… everything, Start, …, Drain, Stop. One thread drives it; only stats() and address() are for others.
#pragma once

#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/limits.h"
#include "server/rpc/call_stats.h"
#include "server/rpc/health_service.h"
#include "server/rpc/local_call.h"
#include "server/rpc/queued_stream.h"
#include "server/rpc/queued_unary.h"
#include "server/rpc/worker.h"

namespace kindred::rpc {

struct RpcServerOptions {
  std::string listen;  // "host:port"; port 0 = a free one
  uint32_t threads = 1;
  uint32_t calls_per_method = 128;
  uint64_t max_request_bytes = 4u << 20;
  uint32_t max_concurrent_streams = 1000;
  // When a connection is to be made anew, and how long its calls may still go on.
  std::chrono::milliseconds max_connection_age{limits::kMaxConnectionAgeMs};
  std::chrono::milliseconds max_connection_grace{limits::kMaxConnectionGraceMs};
};

class RpcServer {
 public:
  explicit RpcServer(RpcServerOptions options) : options_(std::move(options)) {}
  ~RpcServer();

  // A generated service whose methods AddUnary names. Must outlive this.
  void AddService(grpc::Service* service) { services_.push_back(service); }

  // `handler` answers calls of a method; see Call for when and how. Called on any worker's thread.
  template <typename Req, typename Res>
  void AddUnary(MethodName name, RequestCall request_call, typename UnaryCall<Req, Res>::Handler handler) {
    Add<QueuedUnary, UnaryCall<Req, Res>>(std::move(name), std::move(request_call), std::move(handler));
  }

  // The same of a method that answers with a stream; see MessageSource.
  template <typename Req, typename Res>
  void AddServerStream(MethodName name, RequestStream request_stream,
                       typename ServerStreamCall<Req, Res>::Handler handler) {
    name.type = "server_stream";
    Add<QueuedStream, ServerStreamCall<Req, Res>>(std::move(name), std::move(request_stream), std::move(handler));
  }

  // Has `then` called with a worker's number, on its thread, about once a second while it has nothing else to do.
  // Before Start.
  void OnIdle(std::function<void(uint32_t worker)> then) { on_idle_ = std::move(then); }

  // Answers one call in this thread, without a network and whether or not the server was started, as worker 0; see
  // local_call.h. UNIMPLEMENTED for a method that was not added. REQUIRES: no worker runs.
  absl::Status RunLocally(std::string_view service, std::string_view method, std::string_view request,
                          std::vector<std::string>* responses) const;

  // Binds and serves, health SERVING. UNAVAILABLE when the address cannot be bound, with the address.
  absl::Status Start();

  // What was bound, with the real port.
  const std::string& address() const { return address_; }
  // Good from Start until this is destroyed.
  const CallStats& stats() const { return *stats_; }

  // What health answers from now on, for the server and each service.
  void SetServing(bool serving);
  // Answers new calls UNAVAILABLE until callers have gone quiet (a quarter of a second at most), closes the
  // connections, and waits for calls in flight, at most `timeout`; then cancels them.
  void Drain(std::chrono::milliseconds timeout);
  // Ends the workers. REQUIRES: Drain was called, and no other thread will finish a call.
  void Stop();

 private:
  struct Method {
    std::function<std::unique_ptr<QueuedCall>(Worker*, CallCounters*)> queue;
    std::function<absl::Status(std::string_view, std::vector<std::string>*)> run_locally;
  };

  template <typename Queued, typename TypedCall, typename Request>
  void Add(MethodName name, Request request, typename TypedCall::Handler handler) {
    struct Shared {
      Request request;
      typename TypedCall::Handler handler;
    };
    auto shared = std::make_shared<Shared>();
    shared->request = std::move(request);
    shared->handler = std::move(handler);
    names_.push_back(std::move(name));
    methods_.push_back({[shared](Worker* worker, CallCounters* counters) -> std::unique_ptr<QueuedCall> {
                          return std::make_unique<Queued>(worker, counters, &shared->request,
                                                          std::make_unique<TypedCall>(&shared->handler));
                        },
                        [shared](std::string_view request, std::vector<std::string>* responses) {
                          TypedCall call(&shared->handler);
                          return rpc::RunLocally(&call, request, responses);
                        }});
  }

  uint64_t CallsStarted() const;

  const RpcServerOptions options_;
  std::vector<grpc::Service*> services_;
  std::vector<MethodName> names_;
  std::vector<Method> methods_;  // as names_
  std::function<void(uint32_t)> on_idle_;
  std::unique_ptr<CallStats> stats_;
  std::string address_;
  // Destroyed from the last: calls hold gRPC contexts, the server uses the health service and the workers' queues.
  std::vector<std::unique_ptr<Worker>> workers_;
  HealthService health_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::unique_ptr<QueuedCall>> calls_;
};

}  // namespace kindred::rpc
