#include "trainer/families/als_family.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace kindred {

void AlsFamily::Describe(ParameterList* parameters) {
  parameters->Add("factors", &options_.factors, "Number of factors", 1, 4096);
  parameters->Add("regularization", &options_.regularization,
                  "λ of Σ c (p − x·y)² + λ(‖X‖² + ‖Y‖²); more for sparser data");
  parameters->Add("alpha", &options_.alpha, "α of the confidence c = 1 + α · transformed value");
  parameters->Add("iterations", &options_.iterations, "Most iterations", 1, 1000000);
  parameters->Add("cg_steps", &options_.cg_steps, "Steps of conjugate gradient for each row in an iteration", 1, 10000);
  parameters->Add("tolerance", &options_.tolerance,
                  "Stop when an iteration lowers the objective by less than this share; 0: never");
  DescribeTransform(&transform_, parameters);
}

absl::StatusOr<TrainedSpace> AlsFamily::Train(const TrainingData& data, std::string_view /*space*/,
                                              Progress* progress) {
  const SparseMatrix& values = data.interactions->values;
  AlsOptions options = options_;
  options.seed = data.seed;
  options.threads = data.threads;
  ASSIGN_OR_RETURN(const AlsResult als, ImplicitAls(Transformed(values, transform_), options, progress));
  TrainedSpace out;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kImplicit;
  out.spec.fold_in_lambda = options.regularization;
  out.spec.fold_in_alpha = options.alpha;
  out.spec.transform = transform_;
  out.spec.dim = options.factors;
  ASSIGN_OR_RETURN(out.items, ToFloats(ToDenseMatrix(als.items)));
  progress->Begin("folding users in", 0, "");
  ASSIGN_OR_RETURN(out.users, FoldInUsers(out.spec, out.items, values, options.threads));
  progress->End(absl::StrFormat("%s users", WithThousands(values.rows)));
  out.figures_json = nlohmann::ordered_json{{"factors", out.spec.dim},
                                            {"iterations", als.iterations},
                                            {"converged", als.converged},
                                            {"objective", als.objectives.back()}}
                         .dump();
  return out;
}

}  // namespace kindred
