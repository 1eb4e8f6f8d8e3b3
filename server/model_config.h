// models: of the configuration, completed, and as the manager of models takes it. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "core/lifecycle/model_manager.h"
#include "kindred/v1/server_config.pb.h"

namespace kindred {

// As CompleteConfig.
absl::Status CompleteModels(v1::ModelsConfig* models);

// Of a complete configuration.
ManagerOptions ManagerOptionsOf(const v1::ServerConfig& config);

// Whether a version may be given this label: 1 to 64 letters, digits, '-', '_' and '.', not a number, not "stable".
bool IsLabel(std::string_view label);
inline constexpr std::string_view kLabelRule =
    "1 to 64 letters, digits, '-', '_' and '.', not a number, and not stable, which is the version that serves";
inline constexpr std::string_view kCanaryLabel = "canary";
inline constexpr std::string_view kShadowLabel = "shadow";

// 0 to 100 % in steps of 0.01, as a share of kWholeShare; nullopt for anything else.
std::optional<uint32_t> ShareOf(double percent);

}  // namespace kindred
