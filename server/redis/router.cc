#include "server/redis/router.h"

#include "server/redis/cluster_router.h"
#include "server/redis/sentinel_router.h"
#include "server/redis/single_router.h"

namespace kindred::redis {

std::unique_ptr<Router> MakeRouter(const ClientOptions& options, Dispatcher* dispatcher) {
  switch (options.mode) {
    case Mode::kSentinel:
      return std::make_unique<SentinelRouter>(options, dispatcher);
    case Mode::kCluster:
      return std::make_unique<ClusterRouter>(options, dispatcher);
    case Mode::kSingle:
      break;
  }
  return std::make_unique<SingleRouter>(options, dispatcher);
}

}  // namespace kindred::redis
