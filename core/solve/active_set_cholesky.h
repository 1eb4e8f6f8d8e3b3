// The least-squares state of an active-set method on a Gram matrix G: for the passive set P it holds the Cholesky
// factor RᵀR = G_PP, the tableau W = R⁻ᵀG_P (so that R = W_P), y = R⁻ᵀb_P and the gradient g = b − G_P z of the
// solution z = R⁻¹y, all updated as P grows and shrinks. It is Lawson & Hanson's QR tableau with G in place of H. Works
// in memory of the caller; one thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kindred {

class ActiveSetCholesky {
 public:
  // Doubles of working memory that a problem of k variables needs.
  static size_t BufferSize(uint32_t k) { return size_t{2} * k * k + size_t{4} * k; }

  // gram: [k × k], row-major; buffer: [BufferSize(k)]; passive: [k]. All must outlive this. P starts empty, with g = b.
  ActiveSetCholesky(const double* gram, uint32_t k, const double* b, double* buffer, uint32_t* passive);

  uint32_t size() const { return size_; }
  const uint32_t* passive() const { return passive_; }  // [size], in order of entry
  const double* gradient() const { return gradient_; }  // [k]; meaningful outside P

  // Lets variable j into P. Returns false, changing nothing, when its pivot says that row j is, to working precision, a
  // combination of P's rows. O(size·k).
  bool Append(uint32_t j);

  // Takes the variable at `position` out of P by Givens rotations. O((size − position)·k). REQUIRES: position < size.
  void Remove(uint32_t position);

  // The smallest R_ii, 1 when P is empty. O(size).
  double SmallestPivot() const;

  // ‖h_j‖² less that of row j's projection onto P's rows, by the Gram matrix. O(size).
  double SquaredDistance(uint32_t j) const;

  // rhs: [size] → G_PP⁻¹ rhs, in place, in the order of passive(). O(size²).
  void SolveNormal(double* rhs) const;

  // Solution z: [size] in the order of passive(). O(size²). Valid until the next change.
  const double* Solve();

  // One step of iterative refinement: given the gradient at Solve()'s z as computed independently, corrects y and g.
  // exact_gradient: [k]. O(size·k).
  void Refine(const double* exact_gradient);

 private:
  double* Row(uint32_t i) const { return tableau_ + size_t{i} * k_; }
  double* FactorRow(uint32_t i) const { return factor_ + size_t{i} * k_; }
  // x: [size] → R⁻¹x, in place.
  void BackSubstitute(double* x) const;

  const double* gram_;
  uint32_t k_;
  uint32_t size_ = 0;
  uint32_t* passive_;
  double* tableau_;        // W: [size × k], rows k apart
  double* factor_;         // Rᵀ, lower triangle: [size × size], rows k apart, so that substitution runs along rows
  double* inverse_pivot_;  // [size], 1/R_ii
  double* projected_;      // y: [size]
  double* solution_;       // z: [size]
  double* gradient_;       // g: [k]
};

}  // namespace kindred
