#include "trainer/evaluation/silhouette.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/str_cat.h"

namespace kindred {
namespace {

void Unit(std::span<const float> vector, std::span<double> out) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * x;
  const double inverse = sum > 0 ? 1 / std::sqrt(sum) : 0;
  for (size_t j = 0; j < out.size(); ++j) out[j] = vector[j] * inverse;
}

double Dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

}  // namespace

absl::StatusOr<Silhouette> CosineSilhouette(std::span<const uint32_t> labels, uint32_t n_segments, uint32_t dim,
                                            const std::function<std::span<const float>(size_t)>& vector) {
  std::vector<uint64_t> sizes(n_segments, 0);
  for (const uint32_t label : labels) ++sizes[label];
  Silhouette out;
  out.vectors = labels.size();
  out.segments = static_cast<uint32_t>(std::count_if(sizes.begin(), sizes.end(), [](uint64_t n) { return n > 0; }));
  if (out.vectors < kMinSilhouetteVectors || out.segments < 2 || out.segments == out.vectors) {
    return absl::FailedPreconditionError(StrCat(out.vectors, " users with a vector in ", out.segments,
                                                " segments; a silhouette takes more than ", kMinSilhouetteVectors - 1,
                                                " users in at least 2 segments, and some segment with two of them"));
  }
  std::vector<double> sums(size_t{n_segments} * dim, 0.0), unit(dim);
  const auto sum = [&](uint32_t segment) { return std::span(sums).subspan(size_t{segment} * dim, dim); };
  for (size_t i = 0; i < labels.size(); ++i) {
    Unit(vector(i), unit);
    const auto into = sum(labels[i]);
    for (uint32_t j = 0; j < dim; ++j) into[j] += unit[j];
  }
  double total = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (sizes[labels[i]] == 1) continue;
    Unit(vector(i), unit);
    double own = 0, nearest = std::numeric_limits<double>::infinity();
    for (uint32_t segment = 0; segment < n_segments; ++segment) {
      if (sizes[segment] == 0) continue;
      const double size = static_cast<double>(sizes[segment]);
      const double distances = size - Dot(unit, sum(segment));  // to every vector of the segment; 0 to itself
      if (segment == labels[i]) {
        own = distances / (size - 1);
      } else {
        nearest = std::min(nearest, distances / size);
      }
    }
    const double larger = std::max(own, nearest);
    if (larger > 0) total += (nearest - own) / larger;
  }
  out.score = total / static_cast<double>(out.vectors);
  return out;
}

}  // namespace kindred
