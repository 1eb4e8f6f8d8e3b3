#include "server/model_lookup.h"

#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "server/excerpt.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"

namespace kindred {
namespace {

// "a, b, c": what the server serves, at most ten names.
std::string ServedModels(const ModelRegistry& models) {
  std::string names;
  size_t count = 0;
  for (const ModelHandle& model : models.All()) {
    if (++count > 10) return StrCat(names, ", …");
    StrAppend(&names, count > 1 ? ", " : "", model->name());
  }
  return names;
}

}  // namespace

absl::Status NoSuchModel(const ModelRegistry& models, std::string_view name) {
  if (name.empty()) {
    FieldChecks checks;
    checks.Add("model", StrCat("is empty, but this server has more than one model: ", ServedModels(models)));
    return checks.status();
  }
  return WithReason(absl::NotFoundError(absl::StrFormat("no model '%s'; this server has: %s", Excerpt(name, 256),
                                                        ServedModels(models))),
                    "MODEL_NOT_FOUND");
}

absl::Status NoSuchSpace(const Model& model, std::string_view space) {
  return WithReason(absl::NotFoundError(absl::StrFormat("model '%s' has no space '%s'", model.name(),
                                                        Excerpt(space, limits::kMaxNameBytes))),
                    "SPACE_NOT_FOUND");
}

absl::Status EngineStatus(absl::Status status, const Model& model, std::string_view space) {
  if (status.ok() || status.code() != absl::StatusCode::kNotFound) return status;
  return WithReason(std::move(status), model.FindSpace(space) == nullptr ? "SPACE_NOT_FOUND" : "ITEM_NOT_FOUND");
}

}  // namespace kindred
