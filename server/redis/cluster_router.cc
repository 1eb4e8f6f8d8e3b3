#include "server/redis/cluster_router.h"

#include <algorithm>
#include <set>

#include "core/base/str_cat.h"
#include "server/redis/dispatcher.h"

namespace kindred::redis {
namespace {

constexpr std::chrono::milliseconds kSpacing{1000}, kSpacingAfterFailure{100};

Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

ClusterRouter::ClusterRouter(const ClientOptions& options, Dispatcher* dispatcher)
    : options_(options),
      dispatcher_(dispatcher),
      owners_(kSlots, nullptr),
      timer_(dispatcher->loop(), [this] { Refresh(); }),
      log_(dispatcher->loop(), "cluster") {}

void ClusterRouter::Want() {
  if (asking_ || dispatcher_->stopping()) return;
  const Time now = Now();
  timer_.SetIfEarlier(now, std::max(now, may_ask_));
}

Node* ClusterRouter::Advisor() {
  std::vector<Node*> willing;
  for (const auto& [name, node] : dispatcher_->nodes()) {
    if (node->ready()) willing.push_back(node.get());
  }
  // At random, since the map of a node that is cut off from the others grows old.
  if (!willing.empty()) return willing[dispatcher_->random()() % willing.size()];
  const auto seed = ParseEndpoint(options_.endpoints[next_seed_++ % options_.endpoints.size()]);
  return seed.ok() ? dispatcher_->AddNode(*seed, NodeRole::kData) : nullptr;
}

void ClusterRouter::Refresh() {
  if (asking_ || dispatcher_->stopping()) return;
  Node* const node = Advisor();
  if (node == nullptr) return Failed("too many nodes");
  asking_ = true;
  dispatcher_->Ask(node, {"CLUSTER", "SLOTS"},
                   [this, asked = node->endpoint()](const Reply& reply) { Answered(asked, reply); });
}

void ClusterRouter::Failed(std::string_view problem) {
  problem_ = problem;
  ++failed_;
  may_ask_ = Now() + kSpacingAfterFailure;
  if (failed_ == options_.endpoints.size()) {
    log_.Warn("no node of the cluster says who has which slots", problem_);
    dispatcher_->RouteParked();
  }
  Want();
}

void ClusterRouter::Answered(const Endpoint& asked, const Reply& reply) {
  asking_ = false;
  if (dispatcher_->stopping()) return;
  if (!reply.ok()) {
    return Failed(StrCat(asked.ToString(), ": ", reply.text.empty() ? FailureName(reply.failure) : reply.text));
  }
  const auto ranges = ParseClusterSlots(reply, asked);
  if (!ranges.ok()) {
    const absl::string_view what = ranges.status().message();
    return Failed(StrCat(asked.ToString(), ": ", what));
  }
  failed_ = 0;
  may_ask_ = Now() + kSpacing;
  dispatcher_->CountRefresh();
  Apply(*ranges, asked);
  const auto fails = [](const Node* node) { return !node->closed(); };
  if (std::any_of(masters_.begin(), masters_.end(), fails)) Want();
}

void ClusterRouter::Apply(const std::vector<SlotRange>& ranges, const Endpoint& asked) {
  std::vector<Node*> owners(kSlots, nullptr);
  std::set<Node*> masters, gained;
  for (const SlotRange& range : ranges) {
    Node* const node = dispatcher_->AddNode(range.master, NodeRole::kData);
    if (node == nullptr) continue;
    masters.insert(node);
    for (size_t slot = range.first; slot <= range.last; ++slot) {
      owners[slot] = node;
      if (owners_[slot] != nullptr && owners_[slot] != node) gained.insert(node);
    }
  }
  owners_ = std::move(owners);
  masters_.assign(masters.begin(), masters.end());
  known_ = true;
  std::vector<Node*> gone;
  for (const auto& [name, node] : dispatcher_->nodes()) {
    // A cluster whose slots nobody has yet is asked again.
    if (!masters.contains(node.get()) && !(masters.empty() && node->endpoint() == asked)) gone.push_back(node.get());
  }
  for (Node* const node : gone) dispatcher_->RetireNode(node);
  // To the others its first connection will say so.
  for (Node* const node : gained) {
    if (node->announced()) dispatcher_->NewServer(node);
  }
  dispatcher_->RouteParked();
}

Route ClusterRouter::Choose(const Operation& operation) {
  if (!known_) {
    if (failed_ < options_.endpoints.size()) return {};
    return {nullptr, Failure::kBreakerOpen, StrCat("no node of the cluster answers: ", problem_)};
  }
  if (!operation.any_node) {
    if (Node* const owner = owners_[operation.slot]) return {owner};
    Want();
    return {nullptr, Failure::kClusterDown, StrCat("no master has slot ", operation.slot)};
  }
  for (size_t i = 0; i < masters_.size(); ++i) {
    Node* const node = masters_[next_master_++ % masters_.size()];
    if (node->closed()) return {node};
  }
  if (!masters_.empty()) return {masters_.front()};
  Want();
  return {nullptr, Failure::kClusterDown, "the cluster has no masters with slots"};
}

Route ClusterRouter::AfterError(Node* node, Operation* operation, const Reply& reply) {
  switch (reply.failure) {
    case Failure::kMoved:
    case Failure::kClusterDown:
    case Failure::kReadOnly:
    case Failure::kMasterDown:
      Want();
      break;
    case Failure::kAsk:
      break;
    default:
      return {};
  }
  if (reply.failure != Failure::kMoved && reply.failure != Failure::kAsk) return {};
  if (operation->redirections >= kMostRedirections) return {};
  // "MOVED 3999 127.0.0.1:6381"
  const std::string_view text = reply.text;
  const auto endpoint = ParseRedirection(text.substr(text.rfind(' ') + 1), node->endpoint());
  if (!endpoint.ok()) return {};
  ++operation->redirections;
  operation->asking = reply.failure == Failure::kAsk;
  return {dispatcher_->AddNode(*endpoint, NodeRole::kData)};
}

}  // namespace kindred::redis
