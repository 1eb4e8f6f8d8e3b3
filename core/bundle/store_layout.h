// The names of a model store: <store>/<model>/<version>/bundle.safetensors. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kindred {

inline constexpr std::string_view kBundleFileName = "bundle.safetensors";

// The version that a folder's name says: a decimal number without leading zeros; nullopt for any other name.
std::optional<uint64_t> VersionOfFolder(std::string_view name);

}  // namespace kindred
