#include "server/redis/redis_client.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "server/redis/dispatcher.h"
#include "server/redis/submit_queue.h"

namespace kindred::redis {
namespace {

absl::Status CheckOptions(const ClientOptions& options) {
  if (options.endpoints.empty()) return absl::InvalidArgumentError("Redis needs at least one endpoint, host:port");
  for (const std::string& text : options.endpoints) {
    if (auto endpoint = ParseEndpoint(text); !endpoint.ok()) return endpoint.status();
  }
  if (options.connections_per_node < 1 || options.max_in_flight < 1) {
    return absl::InvalidArgumentError("connections_per_node and max_in_flight must be at least 1");
  }
  if (options.connect_timeout.count() < 1)
    return absl::InvalidArgumentError("the connect timeout must be at least 1 ms");
  if (options.mode == Mode::kSentinel && options.sentinel_master.empty()) {
    return absl::InvalidArgumentError("sentinel_master must name the master that Sentinel watches");
  }
  if (options.password_file.empty()) {
    if (options.username.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        StrCat("the user '", options.username, "' has no password_file; name the file that holds its password"));
  }
  return ReadPassword(options.password_file).status();
}

}  // namespace

class RedisClient::Impl {
 public:
  Impl(ClientOptions options, std::unique_ptr<EventLoop> loop, std::unique_ptr<TlsContext> tls)
      : options_(std::move(options)),
        loop_(std::move(loop)),
        tls_(std::move(tls)),
        dispatcher_(options_, loop_.get(), tls_.get(), &registry_, &counters_,
                    [this](std::string_view node, std::string_view run_id) { Announce(node, run_id); }) {
    // Signals are for the main thread; and writing to a socket that was closed must not end the process.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { Run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Impl() {
    stopping_.store(true, std::memory_order_seq_cst);
    loop_->Wake();
    thread_.join();
  }

  void Execute(Command command, Time deadline, Done done) {
    const auto refuse = [&](Failure failure, std::string_view text) {
      counters_.unrouted[static_cast<size_t>(failure)].fetch_add(1, std::memory_order_relaxed);
      done(FailedReply(failure, text));
    };
    if (stopping_.load(std::memory_order_relaxed)) return refuse(Failure::kConnection, "the client is shutting down");
    if (command.arguments.empty()) return refuse(Failure::kOther, "a command without a name");
    const Time now = std::chrono::steady_clock::now();
    if (deadline <= now) return refuse(Failure::kTimeout, "the deadline has passed");
    if (counters_.outstanding.fetch_add(1, std::memory_order_relaxed) >=
        counters_.most_outstanding.load(std::memory_order_relaxed)) {
      counters_.outstanding.fetch_sub(1, std::memory_order_relaxed);
      return refuse(Failure::kSaturated, "too many commands are outstanding");
    }
    queue_.Push(MakeOperation(command, now, deadline, std::move(done)));
    loop_->Wake();
  }

  void SetOnNewServer(OnNewServer callback) {
    const std::lock_guard lock(callback_mutex_);
    callback_ = std::move(callback);
    if (callback_ == nullptr) return;
    announce_all_.store(true, std::memory_order_seq_cst);
    loop_->Wake();
  }

  ClientStats Stats() const {
    ClientStats stats;
    stats.nodes = registry_.Read();
    for (size_t i = 0; i < kFailures; ++i) stats.unrouted[i] = counters_.unrouted[i].load(std::memory_order_relaxed);
    stats.topology_refreshes = counters_.topology_refreshes.load(std::memory_order_relaxed);
    stats.new_servers = counters_.new_servers.load(std::memory_order_relaxed);
    return stats;
  }

 private:
  void Announce(std::string_view node, std::string_view run_id) {
    const std::lock_guard lock(callback_mutex_);
    if (callback_ == nullptr) return;
    counters_.new_servers.fetch_add(1, std::memory_order_relaxed);
    callback_(node, run_id);
  }

  void Run() {
    pthread_setname_np(pthread_self(), "redis");
    dispatcher_.Start();
    const std::function<bool()> idle = [this] {
      return queue_.empty() && !announce_all_.load(std::memory_order_seq_cst) &&
             !stopping_.load(std::memory_order_seq_cst);
    };
    while (!stopping_.load(std::memory_order_seq_cst)) {
      TakeQueue();
      if (announce_all_.load(std::memory_order_relaxed) && announce_all_.exchange(false)) dispatcher_.AnnounceAll();
      dispatcher_.EndTurn();
      loop_->RunTurn(idle);
    }
    dispatcher_.Stop();
    // What was posted before Execute refused, and what those `done`s posted.
    while (!queue_.empty()) {
      for (Operation* next = queue_.Take(); next != nullptr;) {
        const OperationPtr operation(std::exchange(next, next->next));
        dispatcher_.End(operation.get(), FailedReply(Failure::kConnection, "the client is shutting down"));
      }
    }
  }

  void TakeQueue() {
    for (Operation* next = queue_.Take(); next != nullptr;) {
      OperationPtr operation(std::exchange(next, next->next));
      dispatcher_.Submit(std::move(operation));
    }
  }

  const ClientOptions options_;
  NodeRegistry registry_;
  ClientCounters counters_;
  SubmitQueue queue_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> announce_all_{false};
  std::mutex callback_mutex_;  // held while the callback runs, so that setting another one waits for it
  OnNewServer callback_;       // guarded by callback_mutex_
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<TlsContext> tls_;
  Dispatcher dispatcher_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<RedisClient>> RedisClient::Create(ClientOptions options) {
  RETURN_IF_ERROR(CheckOptions(options));
  std::unique_ptr<TlsContext> tls;
  if (options.tls.enabled) {
    ASSIGN_OR_RETURN(tls, TlsContext::Create(options.tls));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Create());
  return std::unique_ptr<RedisClient>(
      new RedisClient(std::make_unique<Impl>(std::move(options), std::move(loop), std::move(tls))));
}

RedisClient::RedisClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RedisClient::~RedisClient() = default;

void RedisClient::Execute(Command command, std::chrono::steady_clock::time_point deadline, Done done) {
  impl_->Execute(std::move(command), deadline, std::move(done));
}

void RedisClient::set_on_new_server(OnNewServer callback) { impl_->SetOnNewServer(std::move(callback)); }

ClientStats RedisClient::stats() const { return impl_->Stats(); }

}  // namespace kindred::redis
