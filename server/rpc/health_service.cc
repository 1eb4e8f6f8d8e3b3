#include "server/rpc/health_service.h"

#include <grpcpp/support/async_stream.h>

#include "absl/strings/str_format.h"
#include "server/excerpt.h"
#include "server/grpc_status.h"
#include "server/limits.h"

namespace kindred::rpc {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// One caller's stream. Made to wait for a caller; goes when its call is over. Its events come on the worker's thread;
// changes of the status come from any. All of it happens under the service's mutex.
class HealthService::Watch {
 public:
  Watch(HealthService* service, Worker* worker, std::list<std::unique_ptr<Watch>>::iterator self)
      : service_(service), worker_(worker), self_(self), writer_(&context_) {
    context_.AsyncNotifyWhenDone(static_cast<Tag*>(&done_tag_));
    service_->raw_.RequestWatch(&context_, &request_, &writer_, worker_->queue(), worker_->queue(),
                                static_cast<Tag*>(&request_tag_));
  }

  // Writes the status if the caller has not been told it, or ends the stream if it is to end; one thing at a time.
  void Advance() {
    if (!started_ || busy_ || finished_ || broken_) return;
    if (service_->ended_) {
      busy_ = finished_ = true;
      writer_.Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server is shutting down"),
                     static_cast<Tag*>(&step_tag_));
      return;
    }
    const Status status = service_->StatusOf(request_.service());
    if (told_ && status == last_told_) return;
    busy_ = told_ = true;
    last_told_ = status;
    HealthCheckResponse response;
    response.set_status(status);
    writer_.Write(response, static_cast<Tag*>(&step_tag_));
  }

 private:
  struct Event final : Tag {
    Event(Watch* watch, void (Watch::*handler)(bool)) : watch(watch), handler(handler) {}
    void Proceed(bool ok) override {
      HealthService* const service = watch->service_;
      const std::lock_guard lock(service->mutex_);
      (watch->*handler)(ok);  // may end the watch
    }
    Watch* const watch;
    void (Watch::*const handler)(bool);
  };

  void OnRequest(bool ok) {
    // Not ok: the server shuts down, and there will be no done event. The service's end takes this watch away.
    if (!ok || worker_->stopping()) return;
    started_ = true;
    service_->watches_.emplace_back();
    const auto next = std::prev(service_->watches_.end());
    *next = std::make_unique<Watch>(service_, worker_, next);
    Advance();
  }
  void OnStep(bool ok) {
    busy_ = false;
    if (!ok) broken_ = true;
    if (done_) return End();
    if (!worker_->stopping()) Advance();
  }
  void OnDone(bool) {
    done_ = broken_ = true;
    if (!busy_) End();
  }
  void End() { service_->watches_.erase(self_); }

  HealthService* const service_;
  Worker* const worker_;
  const std::list<std::unique_ptr<Watch>>::iterator self_;
  grpc::ServerContext context_;
  HealthCheckRequest request_;
  grpc::ServerAsyncWriter<HealthCheckResponse> writer_;
  Event request_tag_{this, &Watch::OnRequest};
  Event step_tag_{this, &Watch::OnStep};
  Event done_tag_{this, &Watch::OnDone};
  bool started_ = false, busy_ = false, finished_ = false, broken_ = false, done_ = false;
  bool told_ = false;
  Status last_told_ = HealthCheckResponse::UNKNOWN;
};

HealthService::HealthService() = default;
HealthService::~HealthService() = default;

HealthService::Status HealthService::StatusOf(const std::string& service) const {
  const auto found = statuses_.find(service);
  return found == statuses_.end() ? HealthCheckResponse::SERVICE_UNKNOWN : found->second;
}

void HealthService::Set(const std::string& service, bool serving) {
  const std::lock_guard lock(mutex_);
  statuses_[service] = serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  for (const auto& watch : watches_) watch->Advance();
}

absl::Status HealthService::Check(Checking* call) {
  const std::lock_guard lock(mutex_);
  const Status status = StatusOf(call->request().service());
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    return absl::NotFoundError(
        absl::StrFormat("no service '%s'", Excerpt(call->request().service(), limits::kMaxIdBytes)));
  }
  call->response()->set_status(status);
  return absl::OkStatus();
}

void HealthService::TakeWatches(Worker* worker) {
  const std::lock_guard lock(mutex_);
  watches_.emplace_back();
  const auto first = std::prev(watches_.end());
  *first = std::make_unique<Watch>(this, worker, first);
}

void HealthService::Clear() {
  const std::lock_guard lock(mutex_);
  watches_.clear();
}

void HealthService::EndWatches() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& watch : watches_) watch->Advance();
}

}  // namespace kindred::rpc
