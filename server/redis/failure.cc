#include "server/redis/failure.h"

#include <array>
#include <utility>

namespace kindred::redis {
namespace {

constexpr std::array<std::string_view, kFailures> kNames = {
    "ok",           "timeout",     "connection", "breaker_open", "saturated", "protocol", "oom",
    "loading",      "read_only",   "no_auth",    "no_perm",      "moved",     "ask",      "try_again",
    "cluster_down", "master_down", "no_script",  "busy",         "other"};

constexpr std::pair<std::string_view, Failure> kCodes[] = {
    {"MOVED", Failure::kMoved},
    {"ASK", Failure::kAsk},
    {"TRYAGAIN", Failure::kTryAgain},
    {"CLUSTERDOWN", Failure::kClusterDown},
    {"MASTERDOWN", Failure::kMasterDown},
    {"LOADING", Failure::kLoading},
    {"OOM", Failure::kOutOfMemory},
    {"READONLY", Failure::kReadOnly},
    {"NOAUTH", Failure::kNoAuth},
    {"WRONGPASS", Failure::kNoAuth},
    {"NOPERM", Failure::kNoPermission},
    {"NOSCRIPT", Failure::kNoScript},
    {"BUSY", Failure::kBusy},
};

}  // namespace

std::string_view FailureName(Failure failure) {
  const auto index = static_cast<size_t>(failure);
  return index < kNames.size() ? kNames[index] : kNames.back();
}

Failure ClassifyError(std::string_view text) {
  const std::string_view code = text.substr(0, text.find(' '));
  for (const auto& [name, failure] : kCodes) {
    if (code == name) return failure;
  }
  return Failure::kOther;
}

bool IsErrorReply(Failure failure) { return failure >= Failure::kOutOfMemory; }

Reply FailedReply(Failure failure, std::string_view text) {
  Reply reply;
  reply.failure = failure;
  reply.text = text;
  return reply;
}

}  // namespace kindred::redis
