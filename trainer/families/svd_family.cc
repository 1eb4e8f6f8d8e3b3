#include "trainer/families/svd_family.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/status_macros.h"

namespace kindred {

void SvdFamily::Describe(ParameterList* parameters) {
  parameters->Add("factors", &options_.factors, "Number of factors; reduced, and said so, when the data carries fewer",
                  1, 4096);
  parameters->Add("iterations", &options_.max_iterations, "Most iterations", 1, 1000000);
  parameters->Add("tolerance", &options_.tolerance, "Stop when every singular value squared is known to this share");
  DescribeTransform(&transform_, parameters);
}

absl::StatusOr<TrainedSpace> SvdFamily::Train(const TrainingData& data, std::string_view /*space*/,
                                              Progress* progress) {
  const SparseMatrix r = Transformed(data.interactions->values, transform_);
  SvdOptions options = options_;
  options.seed = data.seed;
  options.threads = data.threads;
  ASSIGN_OR_RETURN(const SvdResult svd, TruncatedSvd(r, options, progress));
  TrainedSpace out;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kRidge;
  out.spec.transform = transform_;
  out.spec.dim = static_cast<uint32_t>(svd.items.cols());
  ASSIGN_OR_RETURN(out.items, ToFloats(svd.items));
  // V is orthonormal, so R V is the fold-in of every user at once (ridge with λ = 0).
  ASSIGN_OR_RETURN(out.users, ToFloats(svd.users));
  if (!svd.reduced.empty()) out.notes.push_back(svd.reduced);
  out.figures_json = nlohmann::ordered_json{{"factors", out.spec.dim},
                                            {"iterations", svd.iterations},
                                            {"converged", svd.converged},
                                            {"residual", svd.residual},
                                            {"error", svd.residual_norm},
                                            {"relative_error", svd.residual_norm / std::sqrt(SquaredNorm(r))},
                                            {"singular_values", svd.singular_values}}
                         .dump();
  return out;
}

}  // namespace kindred
