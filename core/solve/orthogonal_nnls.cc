#include "core/solve/orthogonal_nnls.h"

#include <Eigen/Core>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <utility>

namespace kindred {
namespace {

using Real = long double;
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;
using RowMajorMap = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

// A row that would take less than this off the residual, relative to ‖e‖, is not let in.
constexpr Real kSmallestGain = 1e-16L;
// Rows whose sine with the span of the passive rows is smaller are combinations of them as far as doubles can say.
constexpr Real kSmallestSine = 1e-16L;

// A passive set with its factorization and the solution on it.
struct Point {
  std::vector<Eigen::Index> passive;
  Eigen::ColPivHouseholderQR<Matrix> qr;  // of the passive rows as columns, [d × p]; unset when p = 0
  Vector v;                               // [k], values representable in double
  Vector residual;                        // e − Hᵀv
  Real residual_norm = 0;
};

class Search {
 public:
  Search(const double* h, uint32_t k, uint32_t d, const double* norms, const double* e)
      : basis_(RowMajorMap(h, k, d).cast<Real>().transpose()),
        target_(Eigen::Map<const Eigen::VectorXd>(e, d).cast<Real>()),
        norms_(Eigen::Map<const Eigen::VectorXd>(norms, k).cast<Real>()) {}

  Point Start(const double* v) const {
    Point point;
    point.v = Eigen::Map<const Eigen::VectorXd>(v, basis_.cols()).cast<Real>();
    Measure(&point);
    // Nothing can be worse than w = 0; a start that is was no solution of anything.
    if (!(point.residual_norm <= target_.norm())) {
      point.v.setZero();
      Measure(&point);
    }
    for (Eigen::Index j = 0; j < point.v.size(); ++j) {
      if (point.v[j] > 0) point.passive.push_back(j);
    }
    return point;
  }

  // Moves to the least-squares solution on the passive set, shedding the variables that turn negative on the way.
  void Descend(Point* point) const {
    auto& passive = point->passive;
    while (!passive.empty()) {
      Matrix columns(basis_.rows(), passive.size());
      for (size_t i = 0; i < passive.size(); ++i) columns.col(i) = basis_.col(passive[i]);
      point->qr.compute(columns);
      const Vector z = point->qr.solve(target_);
      Real step = 1;
      for (size_t i = 0; i < passive.size(); ++i) {
        const Real v = point->v[passive[i]];
        if (z[i] <= 0) step = std::min(step, v > 0 ? v / (v - z[i]) : 0);
      }
      const bool feasible = (z.array() > 0).all();
      std::vector<Eigen::Index> kept;
      for (size_t i = 0; i < passive.size(); ++i) {
        Real& v = point->v[passive[i]];
        const bool hits_bound = z[i] <= 0 && (v > 0 ? v / (v - z[i]) : 0) <= step;
        v = hits_bound ? 0 : v + step * (z[i] - v);
        if (!hits_bound) kept.push_back(passive[i]);
      }
      passive = std::move(kept);
      if (feasible) break;
    }
    Measure(point);
  }

  // The variable outside of the passive set that alone would take most off the residual, or −1. Looked for in the
  // complement of the passive rows' span, where rows close to the span show as clearly as others.
  Eigen::Index Strongest(const Point& point, const std::vector<bool>& barred) const {
    Matrix rows = basis_;
    Vector residual = target_;
    Eigen::Index rank = 0;
    if (!point.passive.empty()) {
      rank = point.qr.rank();
      rows.applyOnTheLeft(point.qr.householderQ().adjoint());
      residual.applyOnTheLeft(point.qr.householderQ().adjoint());
    }
    const Eigen::Index left = rows.rows() - rank;
    Eigen::Index best = -1;
    Real best_gain = kSmallestGain * target_.norm();
    for (Eigen::Index j = 0; j < rows.cols(); ++j) {
      if (point.v[j] > 0 || barred[j]) continue;
      const Real length = rows.col(j).tail(left).norm();
      if (!(length > kSmallestSine * norms_[j])) continue;
      const Real gain = rows.col(j).tail(left).dot(residual.tail(left)) / length;
      if (gain > best_gain) {
        best = j;
        best_gain = gain;
      }
    }
    return best;
  }

 private:
  // Rounds v to what the caller will get and measures the residual of that.
  void Measure(Point* point) const {
    point->v = point->v.cast<double>().cast<Real>();
    point->residual = target_ - basis_ * point->v;
    point->residual_norm = point->residual.norm();
  }

  Matrix basis_;  // Hᵀ: [d × k]
  Vector target_;
  Vector norms_;
};

}  // namespace

uint32_t SolveOrthogonalNnls(const double* h, uint32_t k, uint32_t d, const double* norms, const double* e,
                             uint32_t cap, double* v) {
  const Search search(h, k, d, norms, e);
  Point best = search.Start(v);
  {
    Point point = best;
    search.Descend(&point);
    if (point.residual_norm <= best.residual_norm) {
      best = std::move(point);
    } else {
      best.v.setZero();
      best.passive.clear();
      best.residual = Eigen::Map<const Eigen::VectorXd>(e, d).cast<Real>();
      best.residual_norm = best.residual.norm();
    }
  }
  uint32_t iterations = 1;
  std::vector<bool> barred(k, false);
  while (iterations < cap) {
    const Eigen::Index j = search.Strongest(best, barred);
    if (j < 0) break;
    barred[j] = true;
    ++iterations;
    Point point = best;
    point.passive.push_back(j);
    search.Descend(&point);
    if (!(point.residual_norm < best.residual_norm)) continue;
    best = std::move(point);
    std::fill(barred.begin(), barred.end(), false);
  }
  Eigen::Map<Eigen::VectorXd>(v, k) = best.v.cast<double>();
  return iterations;
}

std::vector<double> ImpliedTarget(const double* h, uint32_t k, uint32_t d, const double* b) {
  const Matrix basis = RowMajorMap(h, k, d).cast<Real>();
  Eigen::ColPivHouseholderQR<Matrix> qr(basis);
  const Vector target = qr.solve(Eigen::Map<const Eigen::VectorXd>(b, k).cast<Real>());
  std::vector<double> result(d);
  Eigen::Map<Eigen::VectorXd>(result.data(), d) = target.cast<double>();
  return result;
}

}  // namespace kindred
