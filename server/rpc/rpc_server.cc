#include "server/rpc/rpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"

namespace kindred::rpc {
namespace {

// How long no call must arrive for callers to count as quiet, and how long to wait for that.
constexpr std::chrono::milliseconds kQuiet(20);
constexpr std::chrono::milliseconds kMaxRefusing(250);

}  // namespace

RpcServer::~RpcServer() {
  if (server_ != nullptr) {
    Drain(std::chrono::milliseconds(0));
    Stop();
  }
}

absl::Status RpcServer::RunLocally(std::string_view service, std::string_view method, std::string_view request,
                                   std::vector<std::string>* responses) const {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].service == service && names_[i].method == method) return methods_[i].run_locally(request, responses);
  }
  return absl::UnimplementedError(absl::StrFormat("no method '%s' of service '%s'", method, service));
}

absl::Status RpcServer::Start() {
  // gRPC ends with the last that uses it. Where a write has had to wait for the network, its end waits up to ten
  // seconds for a poller that it started for that (tcp_posix.cc, run_poller): the server would stop that much later.
  [[maybe_unused]] static const bool kept = [] {
    grpc_init();
    return true;
  }();
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  // Last, so that the methods of our own have the first numbers in the statistics.
  for (const MethodName& name : names_) health_.Set(name.service, false);
  AddService(health_.service());
  AddUnary<grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse>(
      {HealthService::Service::service_full_name(), "Check"},
      [this](grpc::ServerContext* context, grpc::ByteBuffer* bytes, RawWriter* writer, grpc::CompletionQueue* calls,
             grpc::ServerCompletionQueue* notifications,
             void* tag) { health_.service()->RequestCheck(context, bytes, writer, calls, notifications, tag); },
      [this](HealthService::Checking* call) { call->Finish(health_.Check(call)); });

  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options_.max_request_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options_.max_concurrent_streams));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, static_cast<int>(options_.max_connection_age.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             static_cast<int>(options_.max_connection_grace.count()));
  // Without this a second server on the same port would silently share its connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  for (grpc::Service* service : services_) builder.RegisterService(service);
  for (uint32_t i = 0; i < options_.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, builder.AddCompletionQueue()));
    if (on_idle_) workers_.back()->OnIdle([this, i] { on_idle_(i); });
  }
  server_ = builder.BuildAndStart();
  const size_t colon = options_.listen.rfind(':');
  if (server_ == nullptr || port == 0) {
    for (auto& worker : workers_) worker->Stop();
    server_.reset();
    workers_.clear();
    return absl::UnavailableError(absl::StrFormat(
        "cannot listen for gRPC on '%s': expected host:port with a port that is free", options_.listen));
  }
  address_ = colon == std::string::npos ? options_.listen : StrCat(options_.listen.substr(0, colon), ":", port);

  stats_ = std::make_unique<CallStats>(names_, options_.threads);
  calls_.reserve(methods_.size() * workers_.size() * options_.calls_per_method);
  for (uint32_t method = 0; method < methods_.size(); ++method) {
    for (auto& worker : workers_) {
      for (uint32_t i = 0; i < options_.calls_per_method; ++i) {
        calls_.push_back(methods_[method].queue(worker.get(), &stats_->cell(method, worker->index())));
        calls_.back()->Post();
      }
    }
  }
  for (auto& worker : workers_) health_.TakeWatches(worker.get());
  for (auto& worker : workers_) worker->Start();
  SetServing(true);
  return absl::OkStatus();
}

void RpcServer::SetServing(bool serving) {
  health_.Set("", serving);
  for (const MethodName& name : names_) health_.Set(name.service, serving);
}

uint64_t RpcServer::CallsStarted() const {
  uint64_t sum = 0;
  for (uint32_t method = 0; method < names_.size(); ++method) {
    for (uint32_t worker = 0; worker < options_.threads; ++worker) sum += stats_->cell(method, worker).started.value();
  }
  return sum;
}

void RpcServer::Drain(std::chrono::milliseconds timeout) {
  const auto now = std::chrono::steady_clock::now();
  const auto deadline = std::chrono::system_clock::now() + timeout;
  for (auto& worker : workers_) worker->Refuse();
  // gRPC resets a call that races with its shutdown, which the caller sees as CANCELLED and does not retry. So callers
  // hear UNAVAILABLE first, and the connections close once those that back off have done so.
  uint64_t started = CallsStarted();
  while (std::chrono::steady_clock::now() - now < std::min(timeout, kMaxRefusing)) {
    std::this_thread::sleep_for(kQuiet);
    const uint64_t before = std::exchange(started, CallsStarted());
    if (before == started) break;
  }
  health_.EndWatches();
  server_->Shutdown(deadline);
}

void RpcServer::Stop() {
  for (auto& worker : workers_) worker->Stop();
  calls_.clear();
  health_.Clear();
  server_.reset();
  workers_.clear();
}

}  // namespace kindred::rpc
