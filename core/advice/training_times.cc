// ReadTrainingTimes of retrain_advice.h.
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "core/advice/retrain_advice.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

using Json = nlohmann::json;

std::optional<int64_t> TimeMs(const std::string& text) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return std::nullopt;
  return absl::ToUnixMillis(time);
}

}  // namespace

TrainingTimes ReadTrainingTimes(const BundleInfo& info) {
  TrainingTimes out;
  const auto found = info.header.metadata.find(names::kTraining);
  Json training = Json::object();
  if (found != info.header.metadata.end()) {
    training = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
    if (!training.is_object()) training = Json::object();
  }
  if (const auto at = training.find("trained_at"); at != training.end() && at->is_string()) {
    out.trained_ms = TimeMs(at->get<std::string>());
  }
  // Older bundles do not say; one that was not updated since was trained when it was made.
  if (!out.trained_ms && !training.contains("update")) out.trained_ms = TimeMs(info.created_at);
  if (const auto at = training.find("last_event_ms"); at != training.end() && at->is_number_integer()) {
    out.newest_event_ms = at->get<int64_t>();
  }
  return out;
}

}  // namespace kindred
