#include "server/model_lookup.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/str_cat.h"
#include "server/excerpt.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"

namespace kindred {
namespace {

// Enough for a message.
constexpr size_t kMaxNamed = 10;

// "a, b, c": what the server serves, at most ten names.
std::string ServedModels(const ModelRegistry& models) {
  std::string names;
  size_t count = 0;
  for (const ModelHandle& model : models.All()) {
    if (++count > kMaxNamed) return StrCat(names, ", …");
    StrAppend(&names, count > 1 ? ", " : "", model->name());
  }
  return names;
}

// What a reference to a model may choose, at most ten of each.
std::string Choices(const ModelRoutes& routes) {
  std::vector<std::string> labels, versions = {routes.serving->version()};
  for (const auto& [label, model] : routes.labels) labels.push_back(StrCat(label, " (version ", model->version(), ")"));
  for (const ModelHandle& other : routes.others) versions.push_back(other->version());
  const auto list = [](std::vector<std::string> names) {
    if (names.size() > kMaxNamed) {
      names.resize(kMaxNamed);
      names.emplace_back("…");
    }
    return names.empty() ? "none" : absl::StrJoin(names, ", ");
  };
  return StrCat("versions that are ready: ", list(std::move(versions)), "; labels: ", list(std::move(labels)));
}

absl::Status Damaged(std::string_view what) {
  return WithReason(absl::UnavailableError(StrCat(what,
                                                  " was damaged while it served, and no other version of it is "
                                                  "ready; its operators find why in the log")),
                    "MODEL_DAMAGED");
}

// Of a reference to a model that there is.
absl::Status NoSuchVersion(const ModelRoutes& routes, const ModelReference& reference) {
  const std::string& name = routes.serving->name();
  if (!reference.chosen) return Damaged(absl::StrFormat("model '%s'", name));
  const auto is_chosen = [&](const ModelHandle& model) { return model->version() == reference.choice; };
  if (routes.labels.find(reference.choice) != routes.labels.end() || is_chosen(routes.serving) ||
      std::any_of(routes.others.begin(), routes.others.end(), is_chosen)) {
    return Damaged(absl::StrFormat("'%s' of model '%s'", reference.choice, name));
  }
  return WithReason(absl::NotFoundError(absl::StrFormat("model '%s' has no label and no ready version '%s'; %s", name,
                                                        Excerpt(reference.choice, 256), Choices(routes))),
                    "VERSION_NOT_FOUND");
}

}  // namespace

ModelReference SplitReference(std::string_view reference) {
  const size_t at = reference.rfind('@');
  if (at == std::string_view::npos) return {reference, {}, false};
  return {reference.substr(0, at), reference.substr(at + 1), true};
}

absl::Status NoSuchModel(const ModelRegistry& models, std::string_view name) {
  const ModelReference reference = SplitReference(name);
  const auto table = models.Snapshot();
  const auto found = reference.model.empty() && table->size() == 1 ? table->begin() : table->find(reference.model);
  if (found != table->end()) return NoSuchVersion(*found->second, reference);
  if (reference.model.empty()) {
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
