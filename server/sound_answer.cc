#include "server/sound_answer.h"

#include "absl/strings/str_format.h"
#include "server/grpc_status.h"

namespace kindred {

absl::Status DamagedWhileAnswering(const Model& model) {
  return WithReason(absl::UnavailableError(absl::StrFormat(
                        "the files of version %s of model '%s' changed while the call was answered from it; what was "
                        "sent before is good, ask again for the rest",
                        model.version(), model.name())),
                    "MODEL_DAMAGED");
}

}  // namespace kindred
