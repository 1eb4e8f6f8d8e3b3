// Waiting for what a server does with a version: the call on one thread, a look at how far it is on another.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clients/cli/version_progress.h"
#include "clients/cpp/model_client.h"

namespace kindred {

struct VersionWork {
  std::string model;
  uint64_t version = 0;  // to say how far it is; 0: whichever is on its way
  // The call, on `caller`.
  std::function<absl::StatusOr<v1::ModelVersion>(ModelClient* caller)> call;
  // Whether whoever waits wants to no more; looked at every poll.
  std::function<bool()> interrupted;
  absl::Duration poll = absl::Milliseconds(200);
};

// Blocks until the call has ended. Looks through `watcher`, whose errors do not matter. When interrupted, CANCELLED by
// `caller`; the server goes on.
absl::StatusOr<v1::ModelVersion> Await(const VersionWork& work, ModelClient* caller, ModelClient* watcher,
                                       VersionProgress* progress);

}  // namespace kindred
