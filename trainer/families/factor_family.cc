#include "trainer/families/factor_family.h"

#include <cmath>

#include "absl/status/status.h"
#include "core/base/status_macros.h"
#include "core/engine/fold_in.h"
#include "trainer/base/parallel.h"

namespace kindred {
namespace {

constexpr int64_t kUserBlock = 64;

}  // namespace

void DescribeTransform(ValueTransform* transform, ParameterList* parameters) {
  parameters->Add<ValueTransform>("transform", transform,
                                  "What a value becomes before it is fitted, log1p = ln(1 + v), binary = 1, identity = "
                                  "v; kept in the bundle: serving does the same to new events",
                                  {{"log1p", ValueTransform::kLog1p},
                                   {"binary", ValueTransform::kBinary},
                                   {"identity", ValueTransform::kIdentity}});
}

absl::StatusOr<std::vector<float>> ToFloats(const DenseMatrix& x) {
  std::vector<float> out(x.size());
  for (int64_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<float>(x.data()[i]);
    if (!std::isfinite(out[i])) {
      return absl::InvalidArgumentError(
          "a factor does not fit a 32-bit float; the interactions hold values that are too large, try --transform "
          "log1p");
    }
  }
  return out;
}

absl::StatusOr<std::vector<float>> FoldInUsers(const SpaceSpec& spec, std::span<const float> items,
                                               const SparseMatrix& values, int threads) {
  const uint32_t d = spec.dim;
  const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> x(items.data(),
                                                                                                  values.cols, d);
  const Eigen::MatrixXd gram = Gram(x.cast<double>(), threads);
  ASSIGN_OR_RETURN(const FoldInSolver solver,
                   FoldInSolver::Create(spec, items, std::span(gram.data(), static_cast<size_t>(gram.size()))));
  std::vector<float> users(size_t{values.rows} * d);
  ParallelFor(values.rows, kUserBlock, threads, [&](int64_t begin, int64_t end) {
    FoldInScratch scratch;
    std::vector<ItemWeight> history;
    for (int64_t user = begin; user < end; ++user) {
      history.clear();
      for (int64_t p = values.offsets[user]; p < values.offsets[user + 1]; ++p) {
        if (values.values[p] > 0) history.push_back({values.indices[p], values.values[p]});
      }
      solver.Solve(history, std::span(users).subspan(user * d, d), &scratch);
    }
  });
  return users;
}

}  // namespace kindred
