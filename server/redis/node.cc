#include "server/redis/node.h"

#include <algorithm>
#include <utility>

#include "core/base/str_cat.h"

namespace kindred::redis {
namespace {

// A command that was given less time says more about its caller than about the node.
constexpr std::chrono::microseconds kTellingTime{500};

std::vector<std::string_view> Views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

Node::Node(NodeHost* host, Endpoint endpoint, NodeRole role, std::shared_ptr<NodeCounters> counters, uint64_t seed)
    : host_(host),
      endpoint_(std::move(endpoint)),
      role_(role),
      counters_(std::move(counters)),
      breaker_(host->options().breaker, seed),
      log_(host->loop(), counters_->endpoint),
      maintenance_(host->loop(), [this] { Maintain(); }),
      attempt_timeout_(host->loop(), [this] {
        AttemptFailed(FailedReply(Failure::kTimeout, "no connection, or no reply on it, within the connect timeout"));
      }) {
  counters_->breaker.store(BreakerState::kClosed, std::memory_order_relaxed);
}

Node::~Node() { Retire(); }

std::vector<OperationPtr> Node::Retire() {
  if (retired_) return {};
  retired_ = true;
  maintenance_.Cancel();
  attempt_timeout_.Cancel();
  log_.Stop();
  std::vector<OperationPtr> left;
  if (attempt_ != nullptr) {
    attempt_->Close();
    host_->loop()->Bury(std::move(attempt_));
  }
  for (std::unique_ptr<Connection>& connection : ready_) {
    host_->Forget(connection.get());
    for (OperationPtr& operation : connection->Close()) left.push_back(std::move(operation));
    host_->loop()->Bury(std::move(connection));
  }
  ready_.clear();
  for (OperationPtr& operation : waiting_) {
    if (!operation->ended) left.push_back(std::move(operation));
  }
  waiting_.clear();
  for (const OperationPtr& operation : left) operation->node = nullptr;
  PublishConnections();
  counters_->known.store(false, std::memory_order_relaxed);
  return left;
}

void Node::PublishConnections() {
  size_t in_flight = 0;
  for (const std::unique_ptr<Connection>& connection : ready_) in_flight += connection->in_flight();
  counters_->in_flight.store(static_cast<uint32_t>(in_flight), std::memory_order_relaxed);
  counters_->connections.store(static_cast<uint32_t>(ready_.size()), std::memory_order_relaxed);
}

void Node::PublishBreaker(std::string_view reason) {
  const BreakerState state = breaker_.state();
  const BreakerState before = counters_->breaker.exchange(state, std::memory_order_relaxed);
  if (state == before) return;
  counters_->transitions[static_cast<size_t>(state)].Add(1);
  if (before == BreakerState::kClosed) log_.Warn("Redis does not answer: its breaker is open", reason);
  if (state == BreakerState::kClosed) log_.Info("Redis answers again: its breaker is closed");
}

void Node::CountInFlight(int change) {
  // No other thread writes it.
  std::atomic<uint32_t>& in_flight = counters_->in_flight;
  in_flight.store(in_flight.load(std::memory_order_relaxed) + static_cast<uint32_t>(change), std::memory_order_relaxed);
}

Connection* Node::LeastLoaded() const {
  Connection* least = nullptr;
  for (const std::unique_ptr<Connection>& connection : ready_) {
    if (least == nullptr || connection->in_flight() < least->in_flight()) least = connection.get();
  }
  return least;
}

void Node::Send(Connection* connection, OperationPtr operation) {
  operation->sent = Now();
  if (operation->asking) {
    operation->asking = false;
    host_->NeedsFlush(connection);
    connection->Send(MakeInternal({"ASKING"}, operation->sent, operation->deadline, [](const Reply&) {}));
    CountInFlight(1);
  }
  host_->NeedsFlush(connection);
  connection->Send(std::move(operation));
  CountInFlight(1);
}

void Node::Submit(OperationPtr operation) {
  operation->node = this;
  operation->counters = counters_.get();
  const auto refuse = [&](Failure failure, std::string_view text) {
    host_->End(operation.get(), FailedReply(failure, text));
  };
  if (!breaker_.closed()) return refuse(Failure::kBreakerOpen, last_problem_);
  if (Connection* const connection = LeastLoaded()) {
    if (connection->in_flight() >= host_->options().max_in_flight) {
      return refuse(Failure::kSaturated, StrCat(connection->in_flight(), " commands are in flight"));
    }
    return Send(connection, std::move(operation));
  }
  // Who waits for a connection that cannot come in time is better told at once.
  if (attempt_ == nullptr && limiter_.next() > Now()) return refuse(Failure::kConnection, last_problem_);
  while (!waiting_.empty() && waiting_.front()->ended) waiting_.pop_front();
  if (waiting_.size() >= host_->options().max_in_flight) {
    return refuse(Failure::kSaturated, StrCat(waiting_.size(), " commands wait for a connection"));
  }
  waiting_.push_back(std::move(operation));
  Maintain();
}

void Node::SendWaiting() {
  for (OperationPtr& operation : std::exchange(waiting_, {})) {
    if (!operation->ended) Submit(std::move(operation));
  }
}

void Node::FailWaiting(const Reply& why) {
  for (const OperationPtr& operation : std::exchange(waiting_, {})) {
    if (!operation->ended) host_->End(operation.get(), why);
  }
}

void Node::TimedOut(const Operation& operation, Time now) {
  if (operation.connection != nullptr) {
    operation.connection->Abandon(operation, now);
    if (operation.deadline - operation.sent < kTellingTime) return;
  } else if (!unresponsive_) {
    // It waited for a connection, which may take longer than a command where nothing is wrong.
    return;
  }
  if (!breaker_.TimedOut(now)) return;
  last_problem_ = "no reply in time";
  PublishBreaker(last_problem_);
  host_->Failing(this);
  Maintain();
}

void Node::Maintain() {
  if (retired_) return;
  const Time now = Now();
  const Time may_connect = limiter_.next();
  if (breaker_.closed()) {
    if (attempt_ != nullptr) return;
    const size_t wanted = role_ == NodeRole::kSentinel ? 1 : host_->options().connections_per_node;
    if (ready_.size() >= wanted) return;
    if (may_connect > now) return maintenance_.Set(now, may_connect);
    return StartAttempt(now);
  }
  if (breaker_.probing()) return;
  if (breaker_.next_probe() > now) return maintenance_.Set(now, breaker_.next_probe());
  if (!ready_.empty()) return Probe(now);
  if (attempt_ == nullptr && may_connect > now) return maintenance_.Set(now, may_connect);
  // To connect is the first part of the probe.
  breaker_.StartProbe(now);
  PublishBreaker({});
  if (attempt_ == nullptr) StartAttempt(now);
}

void Node::StartAttempt(Time now) {
  const ClientOptions& options = host_->options();
  limiter_.Record(now);
  counters_->connection_attempts.Add(1);
  attempt_ = std::make_unique<Connection>(host_->loop(), host_->tls(), this);
  handshake_.reset();
  attempt_timeout_.Set(now, now + options.connect_timeout);
  const absl::Status status = attempt_->Start(endpoint_, limiter_.attempts() - 1);
  if (!status.ok())
    AttemptFailed(FailedReply(Failure::kConnection, {status.message().data(), status.message().size()}));
}

void Node::OnConnected(Connection* connection) {
  const ClientOptions& options = host_->options();
  HandshakeOptions asked{options.username, "", role_ == NodeRole::kSentinel, role_ == NodeRole::kMaster};
  if (!options.password_file.empty()) {
    auto password = ReadPassword(options.password_file);
    if (!password.ok()) return AttemptFailed(FailedReply(Failure::kNoAuth, password.status().ToString()));
    asked.password = *std::move(password);
  }
  handshake_ = std::make_unique<Handshake>(std::move(asked));
  const Time now = Now();
  for (const std::vector<std::string>& command : handshake_->commands()) {
    // Without their own deadlines: the attempt's timer ends it.
    connection->Send(MakeInternal(Views(command), now, Time::max(), [](const Reply&) {}));
  }
  connection->Flush();
}

void Node::AttemptFailed(const Reply& why) {
  attempt_timeout_.Cancel();
  attempt_->Close();
  host_->loop()->Bury(std::move(attempt_));
  handshake_.reset();
  counters_->connection_failures[static_cast<size_t>(why.failure)].Add(1);
  if (why.failure == Failure::kProtocol) counters_->protocol_errors.Add(1);
  last_problem_ = why.text;
  const Time now = Now();
  if (!breaker_.closed()) {
    if (breaker_.probing()) breaker_.ProbeFailed(now);
  } else if (ready_.empty()) {
    // Where another connection works, one more that cannot be had is no reason to do without.
    breaker_.ConnectFailed(now);
  } else {
    log_.Warn("no further connection to Redis", why.text);
  }
  PublishBreaker(why.text);
  if (ready_.empty()) FailWaiting(why);
  host_->Failing(this);
  Maintain();
}

void Node::AttemptDone() {
  attempt_timeout_.Cancel();
  unresponsive_ = false;
  const bool first = ready_.empty();
  const std::string run_id = handshake_->run_id();
  handshake_.reset();
  ready_.push_back(std::move(attempt_));
  PublishConnections();
  // A server that does not say which it is may be another after every gap.
  const bool is_new = run_id.empty() ? first : run_id != run_id_;
  run_id_ = run_id;
  if (is_new && role_ != NodeRole::kSentinel) {
    announced_ = true;
    host_->NewServer(this);
  }
  if (breaker_.closed()) {
    SendWaiting();
  } else if (breaker_.probing()) {
    return Probe(Now());
  }
  Maintain();
}

void Node::Probe(Time now) {
  if (!breaker_.probing()) breaker_.StartProbe(now);
  PublishBreaker({});
  OperationPtr operation = MakeInternal({"PING"}, now, now + host_->options().connect_timeout,
                                        [this](const Reply& reply) { ProbeEnded(reply); });
  operation->node = this;
  host_->Watch(operation.get());
  Send(LeastLoaded(), std::move(operation));
}

void Node::ProbeEnded(const Reply& reply) {
  if (retired_ || !breaker_.probing()) return;
  const Time now = Now();
  if (reply.ok()) {
    breaker_.ProbeSucceeded(now);
  } else {
    last_problem_ = reply.failure == Failure::kTimeout ? "no reply to PING" : reply.text;
    breaker_.ProbeFailed(now);
  }
  PublishBreaker(last_problem_);
  Maintain();
}

void Node::OnReply(Connection* connection, OperationPtr operation, Reply reply) {
  if (connection == attempt_.get()) {
    if (const std::optional<Reply> problem = handshake_->TakeReply(reply)) return AttemptFailed(*problem);
    if (handshake_->done()) AttemptDone();
    return;
  }
  const Time now = Now();
  CountInFlight(-1);
  breaker_.Succeeded(now);
  if (!operation->internal) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - operation->start);
    counters_->ObserveLatency(static_cast<uint64_t>(elapsed.count()));
  }
  host_->Replied(this, std::move(operation), std::move(reply));
}

void Node::OnLateReply(Connection* connection) {
  if (connection == attempt_.get()) return;
  CountInFlight(-1);
  counters_->late_replies.Add(1);
}

void Node::RepeatOrEnd(OperationPtr operation, const Reply& why) {
  if (operation->repeatable && !operation->repeated && host_->MayRepeat()) {
    operation->repeated = true;
    operation->node = nullptr;
    counters_->retries.Add(1);
    return host_->Repeat(std::move(operation));
  }
  host_->End(operation.get(), why);
}

void Node::OnClosed(Connection* connection, Connection::End end) {
  const Reply why = FailedReply(end.failure, end.reason);
  if (connection == attempt_.get()) return AttemptFailed(why);
  const auto found = std::find_if(ready_.begin(), ready_.end(), [&](const auto& c) { return c.get() == connection; });
  host_->Forget(connection);
  host_->loop()->Bury(std::move(*found));
  ready_.erase(found);
  PublishConnections();
  counters_->connections_lost.Add(1);
  if (end.late) {
    unresponsive_ = true;
    counters_->connections_late.Add(1);
  }
  if (end.failure == Failure::kProtocol) counters_->protocol_errors.Add(1);
  last_problem_ = end.reason;
  // Where none is left, the next attempt or the breaker has the news.
  if (!ready_.empty() || end.failure == Failure::kProtocol) log_.Warn("a connection to Redis was lost", end.reason);
  // One failure, however many commands were in flight; of late replies the breaker has heard already.
  if (!end.late) breaker_.Failed(Now());
  PublishBreaker(end.reason);
  for (OperationPtr& operation : end.operations) RepeatOrEnd(std::move(operation), why);
  if (ready_.empty()) host_->Failing(this);
  Maintain();
}

}  // namespace kindred::redis
