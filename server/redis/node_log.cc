#include "server/redis/node_log.h"

#include <utility>

#include "server/logging.h"

namespace kindred::redis {
namespace {

constexpr std::chrono::seconds kSpacing{1};

}  // namespace

NodeLog::NodeLog(EventLoop* loop, std::string node) : node_(std::move(node)), later_(loop, [this] { Write(); }) {}

void NodeLog::Add(Line line) {
  const bool replaces = later_.set();
  if (replaces) ++left_out_;
  pending_ = std::move(line);
  if (replaces) return;
  const Time now = std::chrono::steady_clock::now();
  if (last_ == Time() || last_ + kSpacing <= now) return Write();
  later_.Set(now, last_ + kSpacing);
}

void NodeLog::Write() {
  last_ = std::chrono::steady_clock::now();
  LogFields fields = {{"node", node_}};
  if (!pending_.reason.empty()) fields["reason"] = std::move(pending_.reason);
  if (left_out_ > 0) fields["left_out"] = std::exchange(left_out_, 0);
  if (pending_.warning) return LogWarn(pending_.message, fields);
  LogInfo(pending_.message, fields);
}

}  // namespace kindred::redis
