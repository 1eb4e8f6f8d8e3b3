#include "core/solve/active_set_cholesky.h"

#include <algorithm>
#include <cmath>

#include "core/solve/vector_ops.h"

namespace kindred {
namespace {

// Smallest accepted pivot², relative to the diagonal entry: the squared sine of the angle between row j and the span of
// P. G carries rounding errors of about 1e-16, so at this angle the factor still has some five correct digits, which is
// what iterative refinement needs; rows that are closer and still matter are the fallback's.
constexpr double kSmallestPivot = 1e-10;

}  // namespace

ActiveSetCholesky::ActiveSetCholesky(const double* gram, uint32_t k, const double* b, double* buffer, uint32_t* passive)
    : gram_(gram), k_(k), passive_(passive) {
  tableau_ = buffer;
  factor_ = tableau_ + size_t{k} * k;
  inverse_pivot_ = factor_ + size_t{k} * k;
  projected_ = inverse_pivot_ + k;
  solution_ = projected_ + k;
  gradient_ = solution_ + k;
  std::copy_n(b, k, gradient_);
}

bool ActiveSetCholesky::Append(uint32_t j) {
  double* row = Row(size_);
  double* factor_row = FactorRow(size_);
  std::copy_n(gram_ + size_t{j} * k_, k_, row);
  for (uint32_t m = 0; m < size_; ++m) {
    factor_row[m] = Row(m)[j];
    AddScaled(-factor_row[m], Row(m), row, k_);
  }
  if (!(row[j] > kSmallestPivot * gram_[size_t{j} * k_ + j])) return false;

  const double inverse_pivot = 1.0 / std::sqrt(row[j]);
  for (uint32_t i = 0; i < k_; ++i) row[i] *= inverse_pivot;
  inverse_pivot_[size_] = inverse_pivot;
  projected_[size_] = gradient_[j] * inverse_pivot;
  AddScaled(-projected_[size_], row, gradient_, k_);
  passive_[size_++] = j;
  return true;
}

void ActiveSetCholesky::Remove(uint32_t position) {
  const uint32_t last = size_ - 1;
  for (uint32_t m = position; m < last; ++m) {
    passive_[m] = passive_[m + 1];
    double* __restrict upper = Row(m);
    double* __restrict lower = Row(m + 1);
    const double a = upper[passive_[m]], b = lower[passive_[m]];
    // R is regular, so b, a diagonal entry of it, is positive.
    const double inverse_pivot = 1.0 / std::sqrt(a * a + b * b);
    const double c = a * inverse_pivot, s = b * inverse_pivot;
    for (uint32_t i = 0; i < k_; ++i) {
      const double u = upper[i], l = lower[i];
      upper[i] = c * u + s * l;
      lower[i] = c * l - s * u;
    }
    const double u = projected_[m], l = projected_[m + 1];
    projected_[m] = c * u + s * l;
    projected_[m + 1] = c * l - s * u;
    inverse_pivot_[m] = inverse_pivot;
  }
  AddScaled(projected_[last], Row(last), gradient_, k_);
  size_ = last;
  for (uint32_t i = position; i < size_; ++i) {
    for (uint32_t m = 0; m < i; ++m) FactorRow(i)[m] = Row(m)[passive_[i]];
  }
}

double ActiveSetCholesky::SmallestPivot() const {
  return size_ == 0 ? 1.0 : 1.0 / *std::max_element(inverse_pivot_, inverse_pivot_ + size_);
}

double ActiveSetCholesky::SquaredDistance(uint32_t j) const {
  double distance = gram_[size_t{j} * k_ + j];
  for (uint32_t m = 0; m < size_; ++m) distance -= Row(m)[j] * Row(m)[j];
  return distance;
}

void ActiveSetCholesky::BackSubstitute(double* x) const {
  for (uint32_t i = size_; i-- > 0;) {
    x[i] *= inverse_pivot_[i];
    AddScaled(-x[i], FactorRow(i), x, i);
  }
}

void ActiveSetCholesky::SolveNormal(double* rhs) const {
  for (uint32_t i = 0; i < size_; ++i) rhs[i] = (rhs[i] - Dot(FactorRow(i), rhs, i)) * inverse_pivot_[i];
  BackSubstitute(rhs);
}

const double* ActiveSetCholesky::Solve() {
  std::copy_n(projected_, size_, solution_);
  BackSubstitute(solution_);
  return solution_;
}

void ActiveSetCholesky::Refine(const double* exact_gradient) {
  std::copy_n(exact_gradient, k_, gradient_);
  for (uint32_t i = 0; i < size_; ++i) {
    const double step = (exact_gradient[passive_[i]] - Dot(FactorRow(i), solution_, i)) * inverse_pivot_[i];
    solution_[i] = step;
    projected_[i] += step;
    AddScaled(-step, Row(i), gradient_, k_);
  }
}

}  // namespace kindred
