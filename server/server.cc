#include "server/server.h"

#include <algorithm>
#include <condition_variable>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/kernels/dispatch.h"
#include "server/embedded_profile_store.h"
#include "server/limits.h"
#include "server/logging.h"
#include "server/memory_profile_store.h"
#include "server/model_config.h"
#include "server/redis_config.h"

namespace kindred {
namespace {

// Operators call seldom; what waits for a model to be loaded holds its place.
constexpr uint32_t kAdminCallsPerMethod = 32;

// How long a stop waits for Redis to take what it lacks. The journal has it all, so that this only spares other servers
// the wait for the next start.
constexpr std::chrono::seconds kRedisFlushTime(5);

// How soon a stop is noticed while models are loaded at the start.
constexpr std::chrono::milliseconds kStopPoll(20);

constexpr ProfileLimits kProfileLimits = {.max_events = limits::kMaxEvents};

std::chrono::milliseconds Milliseconds(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) + std::chrono::milliseconds(duration.nanos() / 1'000'000);
}

// Calls `stop` as soon as `go_on` says false, while it lives.
class StopWatch {
 public:
  StopWatch(std::function<bool()> go_on, std::function<void()> stop)
      : go_on_(std::move(go_on)), stop_(std::move(stop)), thread_([this] { Run(); }) {}
  ~StopWatch() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  StopWatch(const StopWatch&) = delete;
  StopWatch& operator=(const StopWatch&) = delete;

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, kStopPoll, [this] { return over_; })) {
      if (go_on_()) continue;
      lock.unlock();
      return stop_();
    }
  }

  const std::function<bool()> go_on_;
  const std::function<void()> stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const v1::ServerConfig& config,
                                                      const std::function<bool()>& go_on) {
  std::unique_ptr<Server> server(new Server(config));
  RETURN_IF_ERROR(server->StartAdmin());
  RETURN_IF_ERROR(server->LoadModels(go_on));
  RETURN_IF_ERROR(server->OpenStore());
  RETURN_IF_ERROR(server->OpenItems());
  RETURN_IF_ERROR(server->StartAdminRpc());
  RETURN_IF_ERROR(server->StartRpc());
  server->SetState(State::kReady);
  server->manager_->Start();
  return server;
}

Server::~Server() { Stop(); }

void Server::SetState(State state) {
  state_.store(state);
  metrics_.SetReady(state == State::kReady);
}

void Server::SetSources(const MetricSources& sources) {
  metrics_.SetSources(sources);
  const std::lock_guard lock(sources_mutex_);
  sources_ = sources;
}

absl::Status Server::StartAdmin() {
  AdminServer::Pages pages;
  pages["/"] = [this] { return Status(); };
  pages["/metrics"] = [this] { return HttpPage{200, "text/plain; version=0.0.4; charset=utf-8", metrics_.Text()}; };
  pages["/livez"] = [] { return HttpPage{200, "text/plain; charset=utf-8", "alive\n"}; };
  pages["/readyz"] = [this] { return Readiness(); };
  ASSIGN_OR_RETURN(admin_, AdminServer::Start(config_.admin_listen(), std::move(pages)));
  return absl::OkStatus();
}

absl::Status Server::LoadModels(const std::function<bool()>& go_on) {
  LogInfo("kernels chosen", {{"kernels", KernelChoiceNote()}});
  model_events_.OnServingChange([this] { OnServingChange(); });
  ASSIGN_OR_RETURN(manager_, ModelManager::Open(ManagerOptionsOf(config_), &models_, &model_events_));
  const StopWatch watch(go_on, [this] { manager_->Stop(); });
  absl::Status loaded = manager_->LoadAll();
  if (!absl::IsNotFound(loaded)) return loaded;
  return absl::NotFoundError(StrCat(loaded.message(),
                                    ". Put a bundle there (kindred train … or kindred pack …), or name "
                                    "the right folder with --models or models.dir"));
}

absl::Status Server::OpenStore() {
  LogFields fields;
  if (config_.profiles().has_memory()) {
    own_store_ = std::make_unique<MemoryProfileStore>();
  } else if (config_.profiles().has_redis()) {
    const v1::RedisStoreConfig& redis = config_.profiles().redis();
    ASSIGN_OR_RETURN(redis_, RedisProfiles::Open(redis, kProfileLimits));
    redis_->Publish(models_.All());
    fields = {{"dir", redis.journal().dir()}, {"redis", DescribeRedis(redis)}};
  } else {
    const v1::EmbeddedStoreConfig& embedded = config_.profiles().embedded();
    ASSIGN_OR_RETURN(own_store_, EmbeddedProfileStore::Open(embedded.dir(), embedded.block_cache_bytes()));
    fields = {{"dir", embedded.dir()}};
  }
  store_ = redis_ != nullptr ? redis_->store() : own_store_.get();
  ProfileWriterOptions options;
  options.max_queued = config_.profiles().max_queued_updates();
  options.max_commit = config_.profiles().max_commit_updates();
  options.limits = kProfileLimits;
  writer_ = std::make_unique<ProfileWriter>(store_, options);
  fields["store"] = store_->name();
  LogInfo("profile store open", fields);
  return absl::OkStatus();
}

absl::Status Server::OpenItems() {
  const std::string dir = config_.profiles().has_memory() ? "" : config_.items().dir();
  ASSIGN_OR_RETURN(items_, AvailabilityStore::Open(dir, &availability_));
  LogInfo(
      "items open",
      {{"dir", dir}, {"unavailable", items_->items()->size()}, {"availability_version", items_->items()->version()}});
  return absl::OkStatus();
}

absl::Status Server::StartAdminRpc() {
  rpc::RpcServerOptions options;
  options.listen = config_.admin_grpc_listen();
  options.threads = 1;
  options.calls_per_method = kAdminCallsPerMethod;
  options.max_request_bytes = limits::kMaxAdminRequestBytes;
  options.max_concurrent_streams = config_.serving().max_concurrent_streams();
  shadow_ = std::make_unique<ShadowScorer>(&models_, &availability_, store_);
  item_service_ = std::make_unique<ItemService>(items_.get());
  admin_rpc_ = std::make_unique<rpc::RpcServer>(options);
  item_service_->Register(admin_rpc_.get());
  profile_service_ = std::make_unique<ProfileService>(store_, writer_.get(), kProfileLimits);
  profile_service_->Register(admin_rpc_.get());
  model_service_ = std::make_unique<ModelService>(manager_.get(), &models_, shadow_.get());
  model_service_->Register(admin_rpc_.get());
  return admin_rpc_->Start();
}

absl::Status Server::StartRpc() {
  rpc::RpcServerOptions options;
  options.listen = config_.listen();
  options.threads = config_.serving().threads();
  if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
  options.calls_per_method = config_.serving().calls_per_method();
  options.max_request_bytes = config_.serving().max_request_bytes();
  options.max_concurrent_streams = config_.serving().max_concurrent_streams();
  if (const v1::RequestLogConfig& log = config_.logging().request_log(); !log.path().empty()) {
    ASSIGN_OR_RETURN(request_log_, RequestLog::Open(log));
    LogInfo("request log open", {{"path", log.path()}, {"percent", log.percent()}});
  }
  const bool await_redis = config_.profiles().redis().required_durability() == v1::REQUIRED_DURABILITY_REDIS;
  service_ = std::make_unique<RecommendationService>(&models_, &availability_, store_, writer_.get(), options.threads,
                                                     await_redis ? StoreDurability::kRedis : StoreDurability::kJournal,
                                                     redis_ != nullptr ? redis_->answers() : nullptr, shadow_.get(),
                                                     request_log_.get());
  rpc_ = std::make_unique<rpc::RpcServer>(options);
  service_->Register(rpc_.get());
  RETURN_IF_ERROR(rpc_->Start());
  MetricSources sources{&rpc_->stats(), &service_->counters(), &models_,    store_,
                        writer_.get(),  &admin_rpc_->stats(),  items_.get()};
  if (redis_ != nullptr) sources.redis = [redis = redis_.get()] { return redis->Snapshot(); };
  sources.versions = [this] { return Versions(); };
  sources.request_log = request_log_.get();
  SetSources(sources);
  const std::lock_guard lock(sources_mutex_);
  shown_address_ = rpc_->address();
  shown_admin_grpc_ = admin_rpc_->address();
  return absl::OkStatus();
}

void Server::Rescan() {
  LogInfo("looking through the model store", {{"dir", config_.models().dir()}});
  manager_->Rescan();
}

void Server::OnServingChange() {
  // While the server starts this is told to Redis, health and the metrics by those who begin them.
  if (state_.load() != State::kReady) return;
  if (redis_ != nullptr) redis_->Publish(models_.All());
  const bool able = CanAnswer();
  metrics_.SetReady(able);
  rpc_->SetServing(able);
}

bool Server::CanAnswer() const {
  const std::vector<ModelHandle> ready = models_.AllReady();
  return std::any_of(ready.begin(), ready.end(), [](const ModelHandle& model) { return !model->poisoned(); });
}

ModelsSnapshot Server::Versions() const {
  return {manager_->List(), model_events_.counts(), shadow_->Figures(), manager_->busy()};
}

HttpPage Server::Readiness() const {
  switch (state_.load()) {
    case State::kReady:
      if (CanAnswer()) return {200, "text/plain; charset=utf-8", "ready\n"};
      return {503, "text/plain; charset=utf-8",
              "not ready: every version of every model was damaged while it served; publish a good one\n"};
    case State::kLoading:
      return {503, "text/plain; charset=utf-8", "not ready: loading\n"};
    case State::kDraining:
      return {503, "text/plain; charset=utf-8", "not ready: draining\n"};
  }
  return {503, "text/plain; charset=utf-8", "not ready\n"};
}

HttpPage Server::Status() const {
  StatusSnapshot snapshot;
  const State state = state_.load();
  snapshot.state = state == State::kReady ? "ready" : state == State::kLoading ? "loading" : "draining";
  snapshot.uptime_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  snapshot.models = models_.All();
  // Held while the page is made: the parts it looks at stay.
  const std::lock_guard lock(sources_mutex_);
  snapshot.grpc_address = shown_address_;
  snapshot.store = sources_.store;
  snapshot.writer = sources_.writer;
  snapshot.calls = sources_.calls;
  snapshot.admin_grpc_address = shown_admin_grpc_;
  snapshot.admin_calls = sources_.admin_calls;
  if (sources_.items != nullptr) snapshot.unavailable = sources_.items->items();
  if (sources_.redis) snapshot.redis = sources_.redis();
  if (sources_.versions) snapshot.versions = sources_.versions();
  return {200, "text/html; charset=utf-8", StatusPage(snapshot)};
}

void Server::Drain() {
  rpc_->SetServing(false);
  admin_rpc_->SetServing(false);
  std::this_thread::sleep_for(Milliseconds(config_.shutdown().lame_duck()));
  LogInfo("draining");
  const auto end = std::chrono::steady_clock::now() + Milliseconds(config_.shutdown().drain_timeout());
  const auto left = [end] {
    const auto rest = end - std::chrono::steady_clock::now();
    return std::max(std::chrono::milliseconds(0), std::chrono::duration_cast<std::chrono::milliseconds>(rest));
  };
  rpc_->Drain(left());
  admin_rpc_->Drain(left());
}

void Server::FlushToRedis() {
  if (redis_ == nullptr || redis_->Drain(std::chrono::steady_clock::now() + kRedisFlushTime)) return;
  LogWarn("Redis does not have everything yet; the journal has, and the next start sends it",
          {{"profiles", redis_->Snapshot().store.backlog}, {"journal", config_.profiles().redis().journal().dir()}});
}

void Server::Stop() {
  if (std::exchange(stopped_, true)) return;
  SetState(State::kDraining);
  // Ends the calls of operators who wait for a model, and tells nobody of changes from now on.
  if (manager_ != nullptr) manager_->Stop();
  // A change that it was telling of may have found the state before.
  metrics_.SetReady(false);
  const bool serving = rpc_ != nullptr && !rpc_->address().empty();
  if (serving) Drain();
  // Before the workers end: it finishes calls that wait for their update.
  if (writer_ != nullptr) writer_->Stop();
  FlushToRedis();
  if (serving) {
    rpc_->Stop();
    admin_rpc_->Stop();
  }
  SetSources({});
  rpc_.reset();
  service_.reset();
  request_log_.reset();
  admin_rpc_.reset();
  model_service_.reset();
  shadow_.reset();
  profile_service_.reset();
  item_service_.reset();
  items_.reset();
  writer_.reset();
  redis_.reset();
  own_store_.reset();
  manager_.reset();
  admin_.reset();
  LogInfo("stopped");
}

}  // namespace kindred
