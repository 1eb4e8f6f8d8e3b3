// The silhouette of labelled vectors by cosine distance (Rousseeuw 1987): how much nearer each is to its own segment
// than to the nearest other one. Pure function, thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "absl/status/statusor.h"

namespace kindred {

struct Silhouette {
  double score = 0;  // mean over the vectors, from −1 to 1; one alone in its segment counts 0
  uint64_t vectors = 0;
  uint32_t segments = 0;  // with a vector
};

// More labelled vectors than this are asked for (requirement A13).
inline constexpr uint64_t kMinSilhouetteVectors = 11;

// `vector(i)`: the vector of i, [dim], not zero; called twice for each i of labels, valid until the next call.
// labels[i] < n_segments. Since distances are cosines, means of them come from the sums of the segments' unit vectors:
// exact in O(vectors · segments · dim) and O(segments · dim) memory, not in the square of the vectors.
// FAILED_PRECONDITION for fewer than kMinSilhouetteVectors vectors or fewer than two segments, and when every vector is
// a segment of its own.
absl::StatusOr<Silhouette> CosineSilhouette(std::span<const uint32_t> labels, uint32_t n_segments, uint32_t dim,
                                            const std::function<std::span<const float>(size_t)>& vector);

}  // namespace kindred
