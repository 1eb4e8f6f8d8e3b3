// Rows of sparse matrices compared with one another: normalization, stacking, and cosine similarity whose memory does
// not depend on how dense the answer would be. Pure functions, thread-safe, and the same bits at any thread count.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

// The elements of x that are not zero. O(rows · cols).
SparseMatrix FromDense(const DenseMatrix& x);

// ‖row‖₂ of each row, without overflow or underflow on the way: [rows]. O(nnz).
std::vector<double> RowNorms(const SparseMatrix& a);

// Each row divided by its norm; a zero row stays zero. REQUIRES: finite values.
SparseMatrix NormalizedRows(const SparseMatrix& a);

// Matrices of one number of rows side by side: [rows × Σ cols]. REQUIRES: Σ cols < 2³².
SparseMatrix StackColumns(std::span<const SparseMatrix> blocks);

// The `most` elements of largest magnitude in each row (of equals those further left); 0 = all.
SparseMatrix LimitRows(const SparseMatrix& a, uint32_t most);

// Row i multiplied by factors[i]. REQUIRES: factors has a.rows elements.
SparseMatrix ScaledRows(const SparseMatrix& a, std::span<const double> factors);

struct SimilarityOptions {
  uint32_t top_n = 0;      // keep the largest of each row, of equals those further left; 0 = all that are not zero
  bool positive = true;    // keep only values > 0
  bool diagonal = true;    // keep the similarity of row i of A with row i of B
  double shrinkage = 0;    // s ≥ 0 of x·y / (‖x‖^2α ‖y‖^2(1−α) + s): doubts what rests on little data
  double asymmetry = 0.5;  // α: 0.5 is the cosine; larger values penalize long rows of B less (Aiolli, RecSys 2013)
  int threads = 1;
  int64_t batch_rows = 4096;                     // rows of A per batch
  std::function<void(int64_t rows)> progress{};  // after each batch, on the caller's thread: rows done so far
};

// Similarities of the rows of A with the rows of B, one batch of rows of A at a time: calls `sink(first_row, block)` on
// the caller's thread, in order, with block: [batch × B.rows]. Zero rows have no similarity to anything. Beyond A and B
// memory is a transposed copy of B, 16 bytes · B.rows a thread, and one block: at most batch_rows · top_n elements.
// O(Σ over elements (i, k) of A of the number of elements in column k of B) time.
// REQUIRES: A.cols == B.cols; finite values.
void SimilarityBatches(const SparseMatrix& a, const SparseMatrix& b, const SimilarityOptions& options,
                       const std::function<void(int64_t, const SparseMatrix&)>& sink);

// All batches as one matrix: [A.rows × B.rows], of at most A.rows · top_n elements.
SparseMatrix CosineSimilarity(const SparseMatrix& a, const SparseMatrix& b, const SimilarityOptions& options);

}  // namespace kindred
