// What a generation answered whose files changed underneath is not sent: the call is answered again, from what serves
// now. Thread-safe; a WorkerState belongs to its thread.
#pragma once

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/engine/model.h"
#include "server/call_progress.h"
#include "server/worker_state.h"

namespace kindred {

// The second try finds another generation, or none; more are needed only while one after another is found damaged.
inline constexpr int kMaxTries = 8;

// UNAVAILABLE with the reason MODEL_DAMAGED: the call cannot be answered from `model`, and not from another any more.
absl::Status DamagedWhileAnswering(const Model& model);

// One step of a call, attempt(), which says in state->generation or *progress which generation it used; on a damaged
// one everything is begun again, from an empty `response`. `progress` may be null. Without `may_restart`, where a part
// of the answer was sent already, the call ends as DamagedWhileAnswering. Costs an atomic load.
template <typename Step, typename Attempt>
absl::StatusOr<Step> AnswerSoundly(WorkerState* state, CallProgress* progress, google::protobuf::Message* response,
                                   bool may_restart, const Attempt& attempt) {
  const auto used = [&]() -> const Model* {
    return progress != nullptr && progress->begun() ? progress->model.get() : state->generation;
  };
  absl::Status damaged;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    state->generation = nullptr;
    absl::StatusOr<Step> step = Step::kAgain;
    // One that was pinned by an earlier step may have been found damaged since.
    if (used() == nullptr || !used()->poisoned()) {
      step = attempt();
      if (step.ok() && *step == Step::kWait) return step;
      if (used() == nullptr || !used()->poisoned()) return step;
      if (absl::IsCancelled(step.status()) || absl::IsDeadlineExceeded(step.status())) return step;
    }
    damaged = DamagedWhileAnswering(*used());
    if (!may_restart) break;
    response->Clear();
    if (progress != nullptr) progress->Restart();
  }
  return damaged;
}

}  // namespace kindred
