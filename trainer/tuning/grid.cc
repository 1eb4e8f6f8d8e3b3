#include "trainer/tuning/grid.h"

#include <algorithm>
#include <set>

#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/shuffle.h"

namespace kindred {

absl::StatusOr<GridAxis> ParseGridAxis(std::string_view text) {
  const size_t equals = text.find('=');
  const auto wrong = [&](std::string_view what) {
    return absl::InvalidArgumentError(StrCat("grid: found ", Shown(text), ", expected ", what));
  };
  GridAxis axis;
  axis.name = Trimmed(text.substr(0, equals));
  if (equals == text.npos || axis.name.empty()) return wrong("NAME=VALUE,VALUE,… such as factors=10,20,50");
  std::string_view rest = text.substr(equals + 1);
  const char separator = rest.find('|') == rest.npos ? ',' : '|';
  std::set<std::string_view> distinct;
  for (bool more = true; more;) {
    const size_t end = rest.find(separator);
    const std::string_view value = Trimmed(rest.substr(0, end));
    if (value.empty()) return wrong(StrCat("a value between and behind the '", std::string(1, separator), "'"));
    if (!distinct.insert(value).second) return wrong(StrCat("each value once; ", Shown(value), " stands twice"));
    axis.values.emplace_back(value);
    more = end != rest.npos;
    if (more) rest.remove_prefix(end + 1);
  }
  return axis;
}

absl::StatusOr<std::vector<std::vector<std::string>>> GridPoints(const std::vector<GridAxis>& axes, uint32_t max_runs,
                                                                 uint64_t seed) {
  if (axes.empty()) return absl::InvalidArgumentError("the grid is empty, expected at least one NAME=VALUE,VALUE,…");
  std::set<std::string_view> names;
  uint64_t n_points = 1;
  for (const GridAxis& axis : axes) {
    if (!names.insert(axis.name).second)
      return absl::InvalidArgumentError(StrCat("grid: ", axis.name, " stands twice"));
    if (axis.values.empty()) return absl::InvalidArgumentError(StrCat("grid: ", axis.name, " has no value"));
    if (n_points *= axis.values.size(); n_points > kMaxGridPoints) {
      return absl::InvalidArgumentError(
          StrCat("the grid has more than ", WithThousands(kMaxGridPoints), " combinations; try fewer values"));
    }
  }
  if (std::min<uint64_t>(max_runs == 0 ? n_points : max_runs, n_points) > kMaxGridRuns) {
    return absl::InvalidArgumentError(StrCat("the grid has ", WithThousands(n_points), " combinations, more than ",
                                             WithThousands(kMaxGridRuns),
                                             "; try fewer values, or draw some of them with --max-runs"));
  }
  std::vector<uint32_t> chosen = ShuffledIndices(static_cast<uint32_t>(n_points), seed);
  if (max_runs > 0 && max_runs < n_points) chosen.resize(max_runs);
  std::sort(chosen.begin(), chosen.end());

  std::vector<std::vector<std::string>> points;
  points.reserve(chosen.size());
  for (uint32_t number : chosen) {
    std::vector<std::string> point(axes.size());
    for (size_t i = axes.size(); i-- > 0;) {
      point[i] = axes[i].values[number % axes[i].values.size()];
      number /= static_cast<uint32_t>(axes[i].values.size());
    }
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace kindred
