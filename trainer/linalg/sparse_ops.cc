#include "trainer/linalg/sparse_ops.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <memory>
#include <mutex>
#include <numeric>

#include "trainer/base/parallel.h"

namespace kindred {
namespace {

// Rows per hand-out to a thread: skewed rows balance, and each hand-out is worth its cost.
constexpr int64_t kRowBlock = 32;

struct Scored {
  double value = 0;
  uint32_t column = 0;
};

// Larger first, of equals further left.
bool Better(const Scored& a, const Scored& b) { return a.value != b.value ? a.value > b.value : a.column < b.column; }

// The sum and the row it belongs to lie together: one cache line a visit.
struct Cell {
  double sum = 0;
  uint32_t row = 0;  // + 1; 0 = of none
};

struct Workspace {
  std::vector<Cell> cells;  // [columns of the product]
  std::vector<uint32_t> touched;
  std::vector<Scored> best;
};

class Similarity {
 public:
  Similarity(const SparseMatrix& a, const SparseMatrix& b, const SimilarityOptions& options)
      : options_(options), a_(NormalizedRows(a)), bt_(Transpose(NormalizedRows(b))) {
    if (options.shrinkage == 0 && options.asymmetry == 0.5) return;
    a_norms_ = RowNorms(a);
    b_norms_ = RowNorms(b);
    // x·y / (‖x‖^2α ‖y‖^2(1−α) + s) = cos / ((‖x‖/‖y‖)^(2α−1) + s/(‖x‖‖y‖)); only the cosine is ever summed.
    const double exponent = 2 * options.asymmetry - 1;
    for (double norm : a_norms_) a_powers_.push_back(norm > 0 ? std::pow(norm, exponent) : 0);
    for (double norm : b_norms_) b_powers_.push_back(norm > 0 ? std::pow(norm, -exponent) : 0);
  }

  // The row's similarities in `best`, ascending by column.
  void Row(uint32_t row, Workspace* work) const {
    work->cells.resize(bt_.cols);
    work->touched.clear();
    work->best.clear();
    Cell* const cells = work->cells.data();
    const uint32_t* const columns = bt_.indices.data();
    const double* const values = bt_.values.data();
    for (int64_t p = a_.offsets[row]; p < a_.offsets[row + 1]; ++p) {
      const double x = a_.values[p];
      const int64_t end = bt_.offsets[a_.indices[p] + 1];
      for (int64_t q = bt_.offsets[a_.indices[p]]; q < end; ++q) {
        Cell& cell = cells[columns[q]];
        if (cell.row != row + 1) {
          cell = {0, row + 1};
          work->touched.push_back(columns[q]);
        }
        cell.sum += x * values[q];
      }
    }
    Select(row, work);
  }

 private:
  double Value(uint32_t row, uint32_t column, double cosine) const {
    if (a_norms_.empty()) return cosine;
    return cosine / (a_powers_[row] * b_powers_[column] + options_.shrinkage / (a_norms_[row] * b_norms_[column]));
  }

  void Select(uint32_t row, Workspace* work) const {
    std::vector<Scored>& best = work->best;
    const size_t most = options_.top_n == 0 ? work->touched.size() : options_.top_n;
    for (uint32_t column : work->touched) {
      if (!options_.diagonal && column == row) continue;
      const Scored scored{Value(row, column, work->cells[column].sum), column};
      if (scored.value == 0 || (options_.positive && scored.value < 0)) continue;
      if (best.size() < most) {
        best.push_back(scored);
        if (best.size() == most) std::make_heap(best.begin(), best.end(), Better);
      } else if (Better(scored, best.front())) {
        std::pop_heap(best.begin(), best.end(), Better);
        best.back() = scored;
        std::push_heap(best.begin(), best.end(), Better);
      }
    }
    std::sort(best.begin(), best.end(), [](const Scored& a, const Scored& b) { return a.column < b.column; });
  }

  const SimilarityOptions& options_;
  SparseMatrix a_;   // rows normalized
  SparseMatrix bt_;  // [A.cols × B.rows], B's rows normalized
  std::vector<double> a_norms_, b_norms_, a_powers_, b_powers_;
};

}  // namespace

SparseMatrix FromDense(const DenseMatrix& x) {
  SparseMatrix out;
  out.rows = static_cast<uint32_t>(x.rows());
  out.cols = static_cast<uint32_t>(x.cols());
  for (int64_t i = 0; i < x.rows(); ++i) {
    for (int64_t j = 0; j < x.cols(); ++j) {
      if (x(i, j) == 0) continue;
      out.indices.push_back(static_cast<uint32_t>(j));
      out.values.push_back(x(i, j));
    }
    out.offsets.push_back(out.nnz());
  }
  return out;
}

std::vector<double> RowNorms(const SparseMatrix& a) {
  std::vector<double> norms(a.rows, 0);
  for (uint32_t row = 0; row < a.rows; ++row) {
    double largest = 0, sum = 0;
    for (double value : a.RowValues(row)) largest = std::max(largest, std::abs(value));
    if (largest == 0) continue;
    for (double value : a.RowValues(row)) sum += (value / largest) * (value / largest);
    norms[row] = largest * std::sqrt(sum);
  }
  return norms;
}

SparseMatrix NormalizedRows(const SparseMatrix& a) {
  SparseMatrix out = a;
  const std::vector<double> norms = RowNorms(a);
  for (uint32_t row = 0; row < a.rows; ++row) {
    if (norms[row] == 0) continue;
    for (int64_t p = a.offsets[row]; p < a.offsets[row + 1]; ++p) out.values[p] /= norms[row];
  }
  return out;
}

SparseMatrix StackColumns(std::span<const SparseMatrix> blocks) {
  SparseMatrix out;
  if (blocks.empty()) return out;
  out.rows = blocks.front().rows;
  for (uint32_t row = 0; row < out.rows; ++row) {
    uint32_t first = 0;
    for (const SparseMatrix& block : blocks) {
      assert(block.rows == out.rows);
      for (uint32_t column : block.RowIndices(row)) out.indices.push_back(first + column);
      const auto values = block.RowValues(row);
      out.values.insert(out.values.end(), values.begin(), values.end());
      first += block.cols;
    }
    out.offsets.push_back(out.nnz());
  }
  for (const SparseMatrix& block : blocks) out.cols += block.cols;
  return out;
}

SparseMatrix LimitRows(const SparseMatrix& a, uint32_t most) {
  if (most == 0) return a;
  SparseMatrix out;
  out.rows = a.rows;
  out.cols = a.cols;
  std::vector<int64_t> kept;
  for (uint32_t row = 0; row < a.rows; ++row) {
    kept.resize(a.RowIndices(row).size());
    std::iota(kept.begin(), kept.end(), a.offsets[row]);
    if (kept.size() > most) {
      std::nth_element(kept.begin(), kept.begin() + most, kept.end(), [&](int64_t p, int64_t q) {
        const double x = std::abs(a.values[p]), y = std::abs(a.values[q]);
        return x != y ? x > y : p < q;
      });
      kept.resize(most);
      std::sort(kept.begin(), kept.end());
    }
    for (int64_t p : kept) {
      out.indices.push_back(a.indices[p]);
      out.values.push_back(a.values[p]);
    }
    out.offsets.push_back(out.nnz());
  }
  return out;
}

SparseMatrix ScaledRows(const SparseMatrix& a, std::span<const double> factors) {
  assert(factors.size() == a.rows);
  SparseMatrix out = a;
  for (uint32_t row = 0; row < a.rows; ++row) {
    for (int64_t p = a.offsets[row]; p < a.offsets[row + 1]; ++p) out.values[p] *= factors[row];
  }
  return out;
}

void SimilarityBatches(const SparseMatrix& a, const SparseMatrix& b, const SimilarityOptions& options,
                       const std::function<void(int64_t, const SparseMatrix&)>& sink) {
  assert(a.cols == b.cols);
  const Similarity similarity(a, b, options);
  const int64_t batch = std::max<int64_t>(1, options.batch_rows);
  // A block of the loop takes whichever workspace is free; what it computes does not depend on which.
  struct Pool {
    std::mutex mutex;
    std::vector<std::unique_ptr<Workspace>> idle;
  } pool;
  std::vector<std::vector<Scored>> rows(static_cast<size_t>(std::min<int64_t>(batch, a.rows)));
  for (int64_t first = 0; first < a.rows; first += batch) {
    const int64_t count = std::min<int64_t>(batch, a.rows - first);
    ParallelFor(count, kRowBlock, options.threads, [&](int64_t begin, int64_t end) {
      std::unique_ptr<Workspace> work;
      {
        const std::lock_guard lock(pool.mutex);
        if (!pool.idle.empty()) {
          work = std::move(pool.idle.back());
          pool.idle.pop_back();
        }
      }
      if (work == nullptr) work = std::make_unique<Workspace>();
      for (int64_t i = begin; i < end; ++i) {
        similarity.Row(static_cast<uint32_t>(first + i), work.get());
        rows[i].assign(work->best.begin(), work->best.end());
      }
      const std::lock_guard lock(pool.mutex);
      pool.idle.push_back(std::move(work));
    });
    SparseMatrix block;
    block.rows = static_cast<uint32_t>(count);
    block.cols = b.rows;
    for (int64_t i = 0; i < count; ++i) {
      for (const Scored& scored : rows[i]) {
        block.indices.push_back(scored.column);
        block.values.push_back(scored.value);
      }
      block.offsets.push_back(block.nnz());
    }
    sink(first, block);
    if (options.progress) options.progress(first + count);
  }
}

SparseMatrix CosineSimilarity(const SparseMatrix& a, const SparseMatrix& b, const SimilarityOptions& options) {
  SparseMatrix out;
  out.rows = a.rows;
  out.cols = b.rows;
  SimilarityBatches(a, b, options, [&](int64_t, const SparseMatrix& block) {
    const int64_t before = out.nnz();
    out.indices.insert(out.indices.end(), block.indices.begin(), block.indices.end());
    out.values.insert(out.values.end(), block.values.begin(), block.values.end());
    for (size_t i = 1; i < block.offsets.size(); ++i) out.offsets.push_back(before + block.offsets[i]);
  });
  return out;
}

}  // namespace kindred
