#include "server/server.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/kernels/dispatch.h"
#include "core/lifecycle/model_store.h"
#include "server/embedded_profile_store.h"
#include "server/limits.h"
#include "server/logging.h"
#include "server/memory_profile_store.h"
#include "server/redis_config.h"

namespace kindred {
namespace {

// Operators call seldom, and a few at a time.
constexpr uint32_t kAdminCallsPerMethod = 4;

// How long a stop waits for Redis to take what it lacks. The journal has it all, so that this only spares other servers
// the wait for the next start.
constexpr std::chrono::seconds kRedisFlushTime(5);

constexpr ProfileLimits kProfileLimits = {.max_events = limits::kMaxEvents};

std::chrono::milliseconds Milliseconds(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) + std::chrono::milliseconds(duration.nanos() / 1'000'000);
}

void LogLoad(const LoadReport& report) {
  LogFields fields = {
      {"model", report.version.model}, {"version", report.version.version}, {"path", report.version.path}};
  if (!report.status.ok()) {
    fields["error"] = std::string(report.status.message());
    return LogError("model version refused; trying an older one", fields);
  }
  const Model& model = *report.model;
  fields["digest"] = model.digest();
  fields["items"] = model.n_items();
  fields["users"] = model.n_users();
  fields["golden_queries"] = report.golden_queries;
  fields["verify_seconds"] = model.cost().verify_seconds;
  if (!model.cost().derived.empty()) {
    // What `kindred pack` would have written once is computed at every start.
    fields["derive_seconds"] = model.cost().derive_seconds;
    fields["derived"] = model.cost().derived;
  }
  LogInfo("model loaded", fields);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const v1::ServerConfig& config) {
  std::unique_ptr<Server> server(new Server(config));
  RETURN_IF_ERROR(server->StartAdmin());
  RETURN_IF_ERROR(server->LoadModels());
  RETURN_IF_ERROR(server->OpenStore());
  RETURN_IF_ERROR(server->OpenItems());
  RETURN_IF_ERROR(server->StartAdminRpc());
  RETURN_IF_ERROR(server->StartRpc());
  server->SetState(State::kReady);
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

absl::Status Server::LoadModels() {
  LogInfo("kernels chosen", {{"kernels", KernelChoiceNote()}});
  std::vector<LoadReport> reports;
  const absl::Status loaded = LoadLatest(config_.models().dir(), &models_, &reports);
  for (const LoadReport& report : reports) LogLoad(report);
  if (loaded.ok()) return absl::OkStatus();
  return absl::Status(loaded.code(), StrCat(loaded.message(),
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
  for (const ModelHandle& model : models_.All()) availability_.Prepare(model);
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
  item_service_ = std::make_unique<ItemService>(items_.get());
  admin_rpc_ = std::make_unique<rpc::RpcServer>(options);
  item_service_->Register(admin_rpc_.get());
  profile_service_ = std::make_unique<ProfileService>(store_, writer_.get(), kProfileLimits);
  profile_service_->Register(admin_rpc_.get());
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
  service_ =
      std::make_unique<RecommendationService>(&models_, &availability_, store_, writer_.get(), options.threads,
                                              await_redis ? StoreDurability::kRedis : StoreDurability::kJournal,
                                              redis_ != nullptr ? redis_->answers() : nullptr, request_log_.get());
  rpc_ = std::make_unique<rpc::RpcServer>(options);
  service_->Register(rpc_.get());
  RETURN_IF_ERROR(rpc_->Start());
  MetricSources sources{&rpc_->stats(), &service_->counters(), &models_,    store_,
                        writer_.get(),  &admin_rpc_->stats(),  items_.get()};
  if (redis_ != nullptr) sources.redis = [redis = redis_.get()] { return redis->Snapshot(); };
  sources.request_log = request_log_.get();
  SetSources(sources);
  const std::lock_guard lock(sources_mutex_);
  shown_address_ = rpc_->address();
  shown_admin_grpc_ = admin_rpc_->address();
  return absl::OkStatus();
}

HttpPage Server::Readiness() const {
  switch (state_.load()) {
    case State::kReady:
      return {200, "text/plain; charset=utf-8", "ready\n"};
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
  profile_service_.reset();
  item_service_.reset();
  items_.reset();
  writer_.reset();
  redis_.reset();
  own_store_.reset();
  admin_.reset();
  LogInfo("stopped");
}

}  // namespace kindred
