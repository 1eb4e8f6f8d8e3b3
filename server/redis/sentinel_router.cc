#include "server/redis/sentinel_router.h"

#include <algorithm>

#include "core/base/str_cat.h"
#include "server/redis/dispatcher.h"

namespace kindred::redis {
namespace {

constexpr std::chrono::milliseconds kSpacing{250};

Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

SentinelRouter::SentinelRouter(const ClientOptions& options, Dispatcher* dispatcher)
    : options_(options),
      dispatcher_(dispatcher),
      timer_(dispatcher->loop(), [this] { Ask(); }),
      log_(dispatcher->loop(), options.sentinel_master) {}

void SentinelRouter::Start() {
  for (const std::string& text : options_.endpoints) {
    if (const auto endpoint = ParseEndpoint(text); endpoint.ok()) {
      sentinels_.push_back(dispatcher_->AddNode(*endpoint, NodeRole::kSentinel));
    }
  }
  Ask();
}

Route SentinelRouter::Choose(const Operation& operation) {
  if (master_ != nullptr) return {master_};
  if (round_failed_) return {nullptr, Failure::kBreakerOpen, StrCat("no Sentinel names a master: ", problem_)};
  return {};
}

Route SentinelRouter::AfterError(Node* node, Operation*, const Reply& reply) {
  if (reply.failure == Failure::kReadOnly && node == master_) AskAgain();
  return {};
}

void SentinelRouter::Failing(Node* node) {
  if (node == master_) AskAgain();
}

void SentinelRouter::AskAgain() {
  if (asking_ || dispatcher_->stopping()) return;
  const Time now = Now();
  timer_.SetIfEarlier(now, std::max(now, asked_ + kSpacing));
}

void SentinelRouter::Ask() {
  if (asking_ || dispatcher_->stopping()) return;
  asking_ = true;
  asked_ = Now();
  dispatcher_->Ask(sentinels_[current_], {"SENTINEL", "get-master-addr-by-name", options_.sentinel_master},
                   [this](const Reply& reply) { Answered(reply); });
}

void SentinelRouter::Answered(const Reply& reply) {
  asking_ = false;
  if (dispatcher_->stopping()) return;
  if (!reply.ok()) return NextSentinel(reply.text.empty() ? FailureName(reply.failure) : reply.text);
  if (reply.type != Reply::Type::kArray || reply.elements.size() != 2) {
    return NextSentinel(StrCat("it knows no master '", options_.sentinel_master, "'"));
  }
  const auto endpoint = ParseEndpoint(StrCat(reply.elements[0].text, ":", reply.elements[1].text));
  if (!endpoint.ok()) return NextSentinel("it names no address");
  for (const Node* sentinel : sentinels_) {
    // One node cannot be both: it would be retired as the master, and asked again as a Sentinel.
    if (sentinel->endpoint() == *endpoint) {
      return NextSentinel(StrCat("it names ", endpoint->ToString(), " as the master, which is a Sentinel"));
    }
  }
  dispatcher_->CountRefresh();
  failed_ = 0;
  round_failed_ = false;
  Adopt(*endpoint);
}

void SentinelRouter::NextSentinel(std::string_view problem) {
  problem_ = StrCat(sentinels_[current_]->name(), ": ", problem);
  current_ = (current_ + 1) % sentinels_.size();
  const Time now = Now();
  if (++failed_ % sentinels_.size() != 0) return timer_.Set(now, now);
  round_failed_ = true;
  log_.Warn("no Sentinel names the master", problem_);
  dispatcher_->RouteParked();
  AskAgain();
}

void SentinelRouter::Adopt(const Endpoint& endpoint) {
  if (master_ == nullptr || master_->endpoint() != endpoint) {
    log_.Info("Sentinel names the master", endpoint.ToString());
    if (master_ != nullptr) dispatcher_->RetireNode(master_);
    master_ = dispatcher_->AddNode(endpoint, NodeRole::kMaster);
    dispatcher_->RouteParked();
  }
  if (master_ != nullptr && !master_->closed()) AskAgain();
}

}  // namespace kindred::redis
