#include "trainer/reporting/factor_check.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "trainer/data/aggregate.h"

namespace kindred {
namespace {

// How the bundle's training made one value of several rows; sum when it does not say.
Aggregation TrainedAggregation(const Model& model) {
  const auto training = model.info().header.metadata.find(names::kTraining);
  if (training == model.info().header.metadata.end()) return Aggregation::kSum;
  const auto json = nlohmann::json::parse(training->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("aggregate") || !json["aggregate"].is_string()) return Aggregation::kSum;
  return AggregationFromName(json["aggregate"].get<std::string>()).value_or(Aggregation::kSum);
}

std::string TargetName(const SpaceSpec& spec) {
  if (spec.fold_in == FoldIn::kImplicit) return "preference 1 of each touched item";
  switch (spec.transform) {
    case ValueTransform::kIdentity:
      return "the value";
    case ValueTransform::kLog1p:
      return "ln(1 + value)";
    case ValueTransform::kBinary:
      return "1 of each touched item";
  }
  return "";
}

absl::Status CheckReconstructs(const Space& space) {
  const FoldIn fold_in = space.spec.fold_in;
  const bool fits = fold_in == FoldIn::kRidge || fold_in == FoldIn::kNnls || fold_in == FoldIn::kObserved ||
                    fold_in == FoldIn::kImplicit;
  if (!fits || space.spec.metric != Metric::kDot) {
    return absl::FailedPreconditionError(StrCat("its vectors are not fitted to the cells (fold-in ",
                                                FoldInName(fold_in), ", ranked by ", MetricName(space.spec.metric),
                                                ")"));
  }
  if (space.users.empty()) return absl::FailedPreconditionError("the bundle has no vectors of its users");
  return absl::OkStatus();
}

}  // namespace

FactorFigures CheckFactors(std::span<const float> matrix, uint64_t dim) {
  FactorFigures out;
  if (matrix.empty() || dim == 0) return out;
  out.rows = matrix.size() / dim;
  out.dim = dim;
  double sum = 0, squares = 0, norms = 0, squared_norms = 0;
  for (uint64_t row = 0; row < out.rows; ++row) {
    double squared = 0;
    for (const float value : matrix.subspan(row * dim, dim)) {
      sum += std::abs(value);
      squared += double{value} * value;
    }
    squares += squared;
    norms += std::sqrt(squared);
    squared_norms += squared;
    out.zero_rows += squared == 0 ? 1 : 0;
  }
  const auto entries = static_cast<double>(out.rows * dim), rows = static_cast<double>(out.rows);
  out.magnitude_mean = sum / entries;
  out.magnitude_deviation = std::sqrt(std::max(0.0, squares / entries - out.magnitude_mean * out.magnitude_mean));
  out.row_norm_mean = norms / rows;
  out.row_norm_deviation = std::sqrt(std::max(0.0, squared_norms / rows - out.row_norm_mean * out.row_norm_mean));
  return out;
}

absl::StatusOr<Reconstruction> Reconstruct(const Model& model, const Space& space, const EventLog& train) {
  RETURN_IF_ERROR(CheckReconstructs(space));
  const SpaceSpec& spec = space.spec;
  if (spec.half_life_days > 0 && train.time_ms.empty()) {
    return absl::FailedPreconditionError("events count by their age there, and the training file has no times");
  }
  const SparseMatrix cells = Transformed(AggregateEvents(train, {.aggregation = TrainedAggregation(model),
                                                                 .action_weights = spec.actions,
                                                                 .half_life_days = spec.half_life_days})
                                             .values,
                                         spec.transform);
  std::vector<std::optional<uint32_t>> items(train.item_ids.size());
  for (size_t i = 0; i < items.size(); ++i) items[i] = model.items().Find(train.item_ids[i]);
  Reconstruction out;
  out.target = TargetName(spec);
  double squares = 0, absolutes = 0, sum = 0, squared_targets = 0;
  for (uint32_t row = 0; row < cells.rows; ++row) {
    const std::optional<uint32_t> user = model.users().Find(train.user_ids[row]);
    if (!user) continue;
    const std::span<const float> u = space.users.subspan(size_t{*user} * spec.dim, spec.dim);
    for (size_t p = 0; p < cells.RowIndices(row).size(); ++p) {
      const std::optional<uint32_t> item = items[cells.RowIndices(row)[p]];
      if (!item) continue;
      const std::span<const float> x = space.items.subspan(size_t{*item} * spec.dim, spec.dim);
      double score = 0;
      for (size_t i = 0; i < spec.dim; ++i) score += double{u[i]} * x[i];
      const double target = spec.fold_in == FoldIn::kImplicit ? 1 : cells.RowValues(row)[p];
      const double error = score - target;
      squares += error * error;
      absolutes += std::abs(error);
      sum += target;
      squared_targets += target * target;
      ++out.cells;
    }
  }
  if (out.cells == 0)
    return absl::FailedPreconditionError("the model knows none of the training file's users and items");
  const auto n = static_cast<double>(out.cells);
  out.rmse = std::sqrt(squares / n);
  out.mae = absolutes / n;
  out.mean_rmse = std::sqrt(std::max(0.0, squared_targets / n - (sum / n) * (sum / n)));
  return out;
}

}  // namespace kindred
