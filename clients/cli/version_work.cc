#include "clients/cli/version_work.h"

#include <chrono>
#include <future>

namespace kindred {

absl::StatusOr<v1::ModelVersion> Await(const VersionWork& work, ModelClient* caller, ModelClient* watcher,
                                       VersionProgress* progress) {
  auto outcome = std::async(std::launch::async, [&] { return work.call(caller); });
  v1::GetModelRequest request;
  request.set_model(work.model);
  while (outcome.wait_for(absl::ToChronoMilliseconds(work.poll)) != std::future_status::ready) {
    if (work.interrupted()) {
      caller->Cancel();
      break;
    }
    const auto seen = watcher->GetModel(request);
    if (seen.ok()) progress->Update(seen->model(), work.version);
  }
  auto result = outcome.get();
  progress->Interrupt();
  return result;
}

}  // namespace kindred
