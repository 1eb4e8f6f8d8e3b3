#include "tests/unit/solve/nnls_problem.h"

#include <zlib.h>

#include <Eigen/Core>
#include <Eigen/QR>
#include <cctype>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace kindred::testing {
namespace {

using Real = long double;
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;

// Hᵀ: [d × k].
Matrix Columns(const NnlsProblem& problem) {
  return Eigen::Map<const Eigen::MatrixXd>(problem.h.data(), problem.d, problem.k).cast<Real>();
}
Vector Target(const NnlsProblem& problem) {
  return Eigen::Map<const Eigen::VectorXd>(problem.e.data(), problem.d).cast<Real>();
}
Vector Weights(std::span<const double> w) { return Eigen::Map<const Eigen::VectorXd>(w.data(), w.size()).cast<Real>(); }

}  // namespace

absl::StatusOr<std::vector<NnlsProblem>> ReadNnlsProblems(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  std::string text;
  char chunk[1 << 16];
  int got = 0;
  while ((got = gzread(file, chunk, sizeof(chunk))) > 0) text.append(chunk, got);
  gzclose(file);
  if (got < 0) return absl::DataLossError(absl::StrCat("cannot read ", path));

  const auto document = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded() || !document.contains("cases")) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not JSON with a member `cases`"));
  }
  std::vector<NnlsProblem> problems;
  for (const auto& entry : document["cases"]) {
    NnlsProblem problem;
    problem.kind = entry["kind"].get<std::string>();
    problem.k = entry["k"].get<uint32_t>();
    problem.d = entry["d"].get<uint32_t>();
    for (const auto& row : entry["H"]) {
      for (const auto& value : row) problem.h.push_back(value.get<double>());
    }
    problem.e = entry["e"].get<std::vector<double>>();
    problem.w = entry["w"].get<std::vector<double>>();
    problem.residual = entry["residual"].get<double>();
    if (problem.h.size() != size_t{problem.k} * problem.d || problem.e.size() != problem.d ||
        problem.w.size() != problem.k) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": shape of case ", problems.size()));
    }
    problems.push_back(std::move(problem));
  }
  return problems;
}

std::string KindName(const ::testing::TestParamInfo<std::string_view>& info) {
  std::string name;
  for (const char c : info.param) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

NnlsProblem RandomNnlsProblem(std::string_view kind, uint32_t k, uint32_t d, std::mt19937_64* random) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(uniform(*random) * n); };
  NnlsProblem problem{.kind = std::string(kind), .k = k, .d = d, .h = {}, .e = {}, .w = {}};
  problem.h.resize(size_t{k} * d);
  problem.e.resize(d);
  auto& h = problem.h;
  auto& e = problem.e;
  const auto row = [&](uint32_t j) { return std::span<double>(h).subspan(size_t{j} * d, d); };

  const bool positive = kind != "gaussian" && kind != "antiparallel";
  for (double& value : h) value = positive ? uniform(*random) : normal(*random);
  for (double& value : e) value = positive ? uniform(*random) : normal(*random);

  if (kind == "nearly collinear" || kind == "collinear in-cone") {
    const double spread = std::pow(10.0, -1 - 9 * uniform(*random));
    for (uint32_t j = 1; j < k; ++j) {
      for (uint32_t i = 0; i < d; ++i) row(j)[i] = row(0)[i] + spread * normal(*random);
    }
  }
  if (kind == "in-cone" || kind == "collinear in-cone") {
    std::fill(e.begin(), e.end(), 0.0);
    for (uint32_t j = 0; j < k; ++j) {
      const double w = std::max(0.0, normal(*random));
      for (uint32_t i = 0; i < d; ++i) e[i] += w * row(j)[i];
    }
  } else if (kind == "rank-3 basis") {
    std::vector<double> factors(size_t{3} * d);
    for (double& value : factors) value = uniform(*random);
    for (uint32_t j = 0; j < k; ++j) {
      const double c[3] = {uniform(*random), uniform(*random), uniform(*random)};
      for (uint32_t i = 0; i < d; ++i) {
        row(j)[i] = c[0] * factors[i] + c[1] * factors[d + i] + c[2] * factors[2 * d + i];
      }
    }
  } else if (kind == "duplicate row") {
    for (uint32_t times = 0; times < 1 + k / 3; ++times) {
      const uint32_t from = below(k), to = below(k);
      for (uint32_t i = 0; i < d; ++i) row(to)[i] = row(from)[i];
    }
  } else if (kind == "zero row") {
    for (double& value : row(below(k))) value = 0;
  } else if (kind == "badly scaled row") {
    for (uint32_t j = 0; j < k; ++j) {
      const double scale = std::pow(10.0, 24 * uniform(*random) - 12);
      for (double& value : row(j)) value *= scale;
    }
  } else if (kind == "zero target") {
    std::fill(e.begin(), e.end(), 0.0);
  } else if (kind == "all-negative target") {
    for (double& value : e) value = -value;
  } else if (kind == "antiparallel") {
    // Pairs that nearly cancel: what they span is only reached with large weights.
    const double spread = std::pow(10.0, -5 * uniform(*random));
    for (uint32_t j = 1; j < k; j += 2) {
      for (uint32_t i = 0; i < d; ++i) row(j)[i] = -row(j - 1)[i] + spread * normal(*random);
    }
  } else if (kind == "sparse") {
    for (double& value : h) value = uniform(*random) < 0.2 ? value : 0;
  } else if (kind == "scaled target") {
    const double scale = std::pow(10.0, 300 * uniform(*random) - 150);
    for (double& value : e) value *= scale;
  }
  return problem;
}

double KktViolation(const NnlsProblem& problem, std::span<const double> w) {
  for (const double value : w) {
    if (!(value >= 0) || !std::isfinite(value)) return std::numeric_limits<double>::infinity();
  }
  const Matrix columns = Columns(problem);
  const Vector weights = Weights(w), target = Target(problem);
  const Vector gradient = columns.transpose() * (target - columns * weights);
  const double unit = TermNorm(problem, w);
  Real worst = 0;
  for (uint32_t j = 0; j < problem.k; ++j) {
    const Real norm = columns.col(j).norm();
    if (norm == 0) {
      if (w[j] != 0) return std::numeric_limits<double>::infinity();
      continue;
    }
    worst = std::max(worst, (w[j] > 0 ? std::abs(gradient[j]) : gradient[j]) / norm);
  }
  return unit > 0 ? static_cast<double>(worst / unit) : static_cast<double>(worst);
}

double ResidualNorm(const NnlsProblem& problem, std::span<const double> w) {
  return static_cast<double>((Target(problem) - Columns(problem) * Weights(w)).norm());
}

double TargetNorm(const NnlsProblem& problem) { return static_cast<double>(Target(problem).norm()); }

double TermNorm(const NnlsProblem& problem, std::span<const double> w) {
  const Vector norms = Columns(problem).colwise().norm();
  return static_cast<double>(Target(problem).norm() + norms.dot(Weights(w)));
}

double BruteForceResidual(const NnlsProblem& problem) {
  const Matrix columns = Columns(problem);
  const Vector target = Target(problem);
  Real best = target.norm();
  for (uint32_t set = 1; set < (1u << problem.k); ++set) {
    Matrix passive(problem.d, __builtin_popcount(set));
    if (passive.cols() > passive.rows()) continue;
    for (uint32_t j = 0, i = 0; j < problem.k; ++j) {
      if (set >> j & 1) passive.col(i++) = columns.col(j);
    }
    const Eigen::ColPivHouseholderQR<Matrix> qr(passive);
    // A dependent set's best non-negative point is reached by a smaller set too.
    if (qr.rank() < passive.cols()) continue;
    const Vector z = qr.solve(target);
    if ((z.array() < 0).any()) continue;
    best = std::min(best, (target - passive * z).norm());
  }
  return static_cast<double>(best);
}

}  // namespace kindred::testing
