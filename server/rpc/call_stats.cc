#include "server/rpc/call_stats.h"

#include <algorithm>

namespace kindred::rpc {

void CallCounters::Observe(uint64_t elapsed_ns) {
  const double seconds = static_cast<double>(elapsed_ns) * 1e-9;
  const auto bound = std::lower_bound(kHandlingBounds.begin(), kHandlingBounds.end(), seconds);
  handling[bound - kHandlingBounds.begin()].Add(1);
  handling_ns.Add(elapsed_ns);
}

CallStats::CallStats(std::vector<MethodName> methods, uint32_t workers)
    : methods_(std::move(methods)), workers_(workers), cells_(new CallCounters[methods_.size() * workers]) {}

}  // namespace kindred::rpc
