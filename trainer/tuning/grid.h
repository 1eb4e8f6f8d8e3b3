// A grid of hyper-parameters: which values of which are tried together. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

struct GridAxis {
  std::string name;
  std::vector<std::string> values;  // at least one, distinct
};

// More runs than this are made of no grid, unless so many are drawn from it; larger grids than the second are refused.
inline constexpr uint64_t kMaxGridRuns = 10'000, kMaxGridPoints = 1'000'000;

// "factors=10,20,30"; where a value has commas of its own, "action_weights=view=1,buy=4|view=1,buy=1". INVALID_ARGUMENT
// saying what was found for anything else, an empty value, or a value that stands twice.
absl::StatusOr<GridAxis> ParseGridAxis(std::string_view text);

// Every combination, one value of each axis in their order, the last axis changing fastest: [n_points][n_axes]. With
// max_runs > 0 only so many of them, drawn without replacement by `seed`, in the same order. INVALID_ARGUMENT for no
// axis, an axis twice, or more points than may be.
absl::StatusOr<std::vector<std::vector<std::string>>> GridPoints(const std::vector<GridAxis>& axes, uint32_t max_runs,
                                                                 uint64_t seed);

}  // namespace kindred
