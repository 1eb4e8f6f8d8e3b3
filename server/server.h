// The server as a whole: every part in its start order, stopped in the exact reverse. Driven by one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_manager.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/server_config.pb.h"
#include "server/admin_server.h"
#include "server/availability_store.h"
#include "server/item_service.h"
#include "server/metrics.h"
#include "server/model_events.h"
#include "server/model_service.h"
#include "server/profile_service.h"
#include "server/profile_store.h"
#include "server/profile_writer.h"
#include "server/recommendation_service.h"
#include "server/redis_profiles.h"
#include "server/request_log.h"
#include "server/rpc/rpc_server.h"
#include "server/shadow_scorer.h"
#include "server/status_page.h"

namespace kindred {

class Server {
 public:
  // Admin port (alive, not ready) → models → profile store (of Redis: its client, which waits for nobody) → profile
  // writer → items → admin gRPC → gRPC → ready → models are watched. `config` is complete (CompleteConfig). On an error
  // what was started is stopped again; the message says what to do. CANCELLED when `go_on` says false while models are
  // loaded, which is the part that may take long.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const v1::ServerConfig& config, const std::function<bool()>& go_on = [] { return true; });
  // Stops, unless Stop was called.
  ~Server();

  const std::string& grpc_address() const { return rpc_->address(); }
  const std::string& admin_address() const { return admin_->address(); }
  const std::string& admin_grpc_address() const { return admin_rpc_->address(); }

  // Looks through the model store soon.
  void Rescan();

  // Not ready → no more loads of models → lame duck → no new calls, those in flight finish, on the admin gRPC port last
  // → updates committed → sent to Redis, for some seconds → store flushed → admin port closed. Takes at most lame_duck
  // + drain_timeout, those seconds and what is in flight.
  void Stop();

 private:
  enum class State : uint8_t { kLoading, kReady, kDraining };

  explicit Server(const v1::ServerConfig& config) : config_(config) {}
  absl::Status StartAdmin();
  absl::Status LoadModels(const std::function<bool()>& go_on);
  absl::Status OpenStore();
  // Gives Redis what it lacks; what it does not take in time stays in the journal.
  void FlushToRedis();
  absl::Status OpenItems();
  absl::Status StartAdminRpc();
  absl::Status StartRpc();
  void Drain();
  // Something else serves than before, or what serves was damaged.
  void OnServingChange();
  // Whether a model has a generation that can answer.
  bool CanAnswer() const;
  ModelsSnapshot Versions() const;
  void SetState(State state);
  void SetSources(const MetricSources& sources);
  HttpPage Readiness() const;
  HttpPage Status() const;

  const v1::ServerConfig config_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::atomic<State> state_{State::kLoading};
  bool stopped_ = false;
  Metrics metrics_;
  ModelRegistry models_;
  AvailabilityRegistry availability_;
  ModelEvents model_events_{&availability_};
  // What the admin pages may look at right now.
  mutable std::mutex sources_mutex_;
  MetricSources sources_;                         // guarded by sources_mutex_
  std::string shown_address_, shown_admin_grpc_;  // guarded by sources_mutex_
  // In start order.
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<ModelManager> manager_;
  std::unique_ptr<ProfileStore> own_store_;  // memory or embedded
  std::unique_ptr<RedisProfiles> redis_;     // or this
  ProfileStore* store_ = nullptr;            // of the two the one that there is
  std::unique_ptr<ProfileWriter> writer_;
  std::unique_ptr<AvailabilityStore> items_;
  std::unique_ptr<ShadowScorer> shadow_;
  std::unique_ptr<ItemService> item_service_;
  std::unique_ptr<ModelService> model_service_;
  std::unique_ptr<ProfileService> profile_service_;
  std::unique_ptr<rpc::RpcServer> admin_rpc_;
  std::unique_ptr<RequestLog> request_log_;  // null: none
  std::unique_ptr<RecommendationService> service_;
  std::unique_ptr<rpc::RpcServer> rpc_;
};

}  // namespace kindred
