#include "trainer/families/nmf_family.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace kindred {

void NmfFamily::Describe(ParameterList* parameters) {
  parameters->Add("factors", &options_.factors, "Number of factors; reduced, and said so, when the data carries fewer",
                  1, 4096);
  parameters->Add("iterations", &options_.max_iterations, "Most iterations", 1, 1000000);
  parameters->Add("alpha", &options_.alpha, "Regularization α of ‖R − WH‖² + α(‖W‖² + ‖H‖²)");
  parameters->Add("tolerance", &options_.tolerance,
                  "Stop when the projected gradient falls below this share of the first");
  DescribeTransform(&transform_, parameters);
}

absl::StatusOr<TrainedSpace> NmfFamily::Train(const TrainingData& data, std::string_view /*space*/,
                                              Progress* progress) {
  const SparseMatrix& values = data.interactions->values;
  const SparseMatrix r = Transformed(values, transform_);
  NmfOptions options = options_;
  options.seed = data.seed;
  options.threads = data.threads;
  ASSIGN_OR_RETURN(const NmfResult nmf, Nmf(r, options, progress));
  TrainedSpace out;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kNnls;
  out.spec.fold_in_lambda = options.alpha;
  out.spec.transform = transform_;
  out.spec.dim = static_cast<uint32_t>(nmf.items.cols());
  ASSIGN_OR_RETURN(out.items, ToFloats(nmf.items));
  progress->Begin("folding users in", 0, "");
  ASSIGN_OR_RETURN(out.users, FoldInUsers(out.spec, out.items, values, options.threads));
  progress->End(absl::StrFormat("%s users", WithThousands(values.rows)));
  if (!nmf.reduced.empty()) out.notes.push_back(nmf.reduced);
  out.figures_json = nlohmann::ordered_json{
      {"factors", out.spec.dim},
      {"iterations", nmf.iterations},
      {"converged", nmf.converged},
      {"error", nmf.error},
      {"relative_error", nmf.error / std::sqrt(SquaredNorm(r))},
      {"objective",
       nmf.objective}}.dump();
  return out;
}

}  // namespace kindred
