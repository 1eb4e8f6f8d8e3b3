#include "trainer/families/mf_family.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace kindred {

void MfFamily::Describe(ParameterList* parameters) {
  parameters->Add("factors", &options_.factors, "Number of factors, beside the biases of users and items", 1, 4094);
  parameters->Add("regularization", &options_.regularization,
                  "λ of Σ (r − μ − b_u − b_i − x·y)² + λ(‖X‖² + ‖Y‖²) + λ_b(Σ b²)");
  parameters->Add("bias_regularization", &options_.bias_regularization, "λ_b there");
  parameters->Add("iterations", &options_.iterations, "Most iterations", 1, 1000000);
  parameters->Add("tolerance", &options_.tolerance,
                  "Stop when an iteration lowers the objective by less than this share; 0: never");
  DescribeTransform(&transform_, parameters);
}

absl::StatusOr<TrainedSpace> MfFamily::Train(const TrainingData& data, std::string_view /*space*/, Progress* progress) {
  const SparseMatrix& values = data.interactions->values;
  MfOptions options = options_;
  options.seed = data.seed;
  options.threads = data.threads;
  ASSIGN_OR_RETURN(const MfResult mf, BiasedMf(Transformed(values, transform_), options, progress));
  TrainedSpace out;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kObserved;
  out.spec.fold_in_lambda = options.regularization;
  out.spec.transform = transform_;
  out.spec.dim = options.factors + 2;
  // A row is the item's vector, a constant that the user's bias multiplies, and what it scores without a user. The
  // constant makes λ‖u‖² weigh the bias with λ_b: (b/c)² λ = b² λ_b.
  const int64_t k = options.factors;
  DenseMatrix items(values.cols, k + 2);
  items.leftCols(k) = mf.items;
  items.col(k).setConstant(std::sqrt(options.regularization / options.bias_regularization));
  items.col(k + 1) = mf.item_bias.array() + mf.mean;
  ASSIGN_OR_RETURN(out.items, ToFloats(items));
  progress->Begin("folding users in", 0, "");
  ASSIGN_OR_RETURN(out.users, FoldInUsers(out.spec, out.items, values, options.threads));
  progress->End(absl::StrFormat("%s users", WithThousands(values.rows)));
  out.figures_json = nlohmann::ordered_json{{"factors", options.factors},
                                            {"iterations", mf.iterations},
                                            {"converged", mf.converged},
                                            {"mean", mf.mean},
                                            {"rmse", mf.rmse},
                                            {"objective", mf.objectives.back()}}
                         .dump();
  return out;
}

}  // namespace kindred
