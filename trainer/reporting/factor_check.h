// How large factors are, and how well they give the training cells back. Pure functions and plain values, thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "core/engine/model.h"
#include "trainer/data/event_log.h"

namespace kindred {

struct FactorFigures {
  uint64_t rows = 0, dim = 0;
  uint64_t zero_rows = 0;                              // rows of zeros
  double magnitude_mean = 0, magnitude_deviation = 0;  // of |entry|
  double row_norm_mean = 0, row_norm_deviation = 0;    // of ‖row‖
};

// matrix: [n × dim], row-major. Zeros for an empty one. O(n · dim).
FactorFigures CheckFactors(std::span<const float> matrix, uint64_t dim);

struct Reconstruction {
  uint64_t cells = 0;        // distinct (user, item) of the training that the model knows
  double rmse = 0, mae = 0;  // of u·x against what the space was fitted to there
  double mean_rmse = 0;      // of predicting their mean; 0 when they are all equal
  std::string target;        // what that is: "ln(1 + value)", "preference 1", …
};

// Over the training cells, each row aggregated, weighted and transformed as the space's training did (spec, and
// `kindred.training` of the bundle). FAILED_PRECONDITION, saying why, for a space whose scores are no reconstruction of
// the cells (embeddings, sparse rows, blends), one without user vectors, and when the model knows none of the cells.
// O(cells · d).
absl::StatusOr<Reconstruction> Reconstruct(const Model& model, const Space& space, const EventLog& train);

}  // namespace kindred
