#include "server/model_config.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "server/config_checks.h"
#include "server/excerpt.h"
#include "server/limits.h"

namespace kindred {
namespace {

constexpr size_t kMaxLabelBytes = 64;
constexpr uint64_t kTebibyte = uint64_t{1} << 40;

absl::Status CompleteGate(v1::GateConfig* gate) {
  KINDRED_COMPLETE(gate, memory_headroom_bytes, uint64_t{64} << 20, 0, kTebibyte);
  KINDRED_COMPLETE(gate, memory_limit_bytes, 0, 0, uint64_t{1} << 60);
  KINDRED_COMPLETE_NUMBER(gate, min_overlap, "models.gate.min_overlap", 0.05, 0, 1);
  KINDRED_COMPLETE_NUMBER(gate, max_own_rank_drop, "models.gate.max_own_rank_drop", 0.2, 0, 1);
  KINDRED_COMPLETE_NUMBER(gate, min_catalogue, "models.gate.min_catalogue", 0.5, 0, 1);
  return absl::OkStatus();
}

absl::Status CheckPercent(const std::string& name, double percent) {
  if (ShareOf(percent).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat("%s is %g; expected 0 to 100 in steps of 0.01", name, percent));
}

absl::Status CheckPolicy(const std::string& model, const v1::ModelPolicyConfig& policy) {
  const std::string path = StrCat("models.policies.", Excerpt(model));
  if (model.empty() || model.size() > limits::kMaxNameBytes || model.find_first_of("/@") != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: a model's name has 1 to %d bytes, none of them / or @", path, limits::kMaxNameBytes));
  }
  for (const auto& [label, version] : policy.labels()) {
    if (!IsLabel(label)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s.labels has '%s'; a label is %s", path, Excerpt(label), kLabelRule));
    }
    if (version == 0) {
      return absl::InvalidArgumentError(absl::StrFormat("%s.labels.%s is 0; expected a version", path, label));
    }
  }
  RETURN_IF_ERROR(CheckPercent(path + ".canary_percent", policy.canary_percent()));
  return CheckPercent(path + ".shadow_percent", policy.shadow_percent());
}

ModelPolicy PolicyOf(const v1::ModelPolicyConfig& config) {
  ModelPolicy policy;
  policy.pinned = config.pinned();
  for (const auto& [label, version] : config.labels()) policy.labels.emplace(label, version);
  policy.canary_share = ShareOf(config.canary_percent()).value_or(0);
  policy.shadow_share = ShareOf(config.shadow_percent()).value_or(0);
  return policy;
}

template <typename Unit>
Unit As(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<Unit>(FromDuration(duration));
}

}  // namespace

bool IsLabel(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabelBytes || label == "stable") return false;
  const auto good = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; };
  return std::all_of(label.begin(), label.end(), good) &&
         label.find_first_not_of("0123456789") != std::string_view::npos;
}

std::optional<uint32_t> ShareOf(double percent) {
  const double share = percent * (kWholeShare / 100);
  if (!(share >= 0 && share <= kWholeShare)) return std::nullopt;
  const double whole = std::round(share);
  if (std::abs(share - whole) > 1e-6) return std::nullopt;
  return static_cast<uint32_t>(whole);
}

absl::Status CompleteModels(v1::ModelsConfig* models) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  if (!models->has_dir()) models->set_dir("models");
  if (!models->has_state_dir()) models->set_state_dir("data/models");
  // Not in the store, which may be read-only and that of several servers.
  if (!models->has_work_dir()) models->set_work_dir(StrCat(models->state_dir(), "/unpacked"));
  if (!models->has_load_mode()) models->set_load_mode(v1::LOAD_MODE_MAP);
  if (!models->has_verify()) models->set_verify(v1::VERIFY_MODE_FULL);
  KINDRED_COMPLETE_DURATION(models, poll_interval, "models.poll_interval", seconds(5), milliseconds(100), hours(1));
  KINDRED_COMPLETE(models, keep_ready, 1, 0, 16);
  RETURN_IF_ERROR(CompleteGate(models->mutable_gate()));
  KINDRED_COMPLETE(models, prefault_bytes, uint64_t{512} << 20, 1u << 20, kTebibyte);
  KINDRED_COMPLETE(models, scrub_bytes, 16u << 20, 0, kTebibyte);
  KINDRED_COMPLETE_DURATION(models, scrub_interval, "models.scrub_interval", hours(1), seconds(0), hours(24 * 30));
  for (const auto& [model, policy] : models->policies()) RETURN_IF_ERROR(CheckPolicy(model, policy));
  return absl::OkStatus();
}

ManagerOptions ManagerOptionsOf(const v1::ServerConfig& config) {
  const v1::ModelsConfig& models = config.models();
  ManagerOptions options;
  options.store_dir = models.dir();
  if (!config.profiles().has_memory()) options.state_dir = models.state_dir();
  options.work_dir = models.work_dir();
  options.gate.load_mode = models.load_mode() == v1::LOAD_MODE_COPY ? LoadMode::kCopy : LoadMode::kMap;
  options.gate.verify = models.verify() == v1::VERIFY_MODE_HEADER ? VerifyLevel::kHeader : VerifyLevel::kChecksums;
  options.gate.memory_headroom_bytes = models.gate().memory_headroom_bytes();
  options.gate.memory_limit_bytes = models.gate().memory_limit_bytes();
  options.gate.min_overlap = models.gate().min_overlap();
  options.gate.max_own_rank_drop = models.gate().max_own_rank_drop();
  options.gate.min_catalogue = models.gate().min_catalogue();
  for (const auto& [model, policy] : models.policies()) options.policies.emplace(model, PolicyOf(policy));
  options.keep_ready = static_cast<int>(models.keep_ready());
  options.poll_interval = As<std::chrono::milliseconds>(models.poll_interval());
  options.prefault_bytes_per_second = static_cast<double>(models.prefault_bytes());
  options.scrub_bytes_per_second = static_cast<double>(models.scrub_bytes());
  options.scrub_interval = As<std::chrono::seconds>(models.scrub_interval());
  return options;
}

}  // namespace kindred
