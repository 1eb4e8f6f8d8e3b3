#include "trainer/evaluation/row_drift.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "trainer/linalg/procrustes.h"

namespace kindred {
namespace {

constexpr double kNothing = 1e-12;   // rounding
constexpr size_t kBlockRows = 1024;  // rows that are widened to doubles at once

using Block = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Sums distances, keeps the farthest.
class Distances {
 public:
  explicit Distances(uint32_t n_worst) : n_worst_(n_worst) {}

  void Add(const RowPair& row, double distance) {
    if (distance < kNothing) distance = 0;
    sum_ += distance;
    max_ = std::max(max_, distance);
    ++count_;
    if (worst_.size() == n_worst_ && (n_worst_ == 0 || !Farther({row, distance}, worst_.front()))) return;
    worst_.push_back({row, distance});
    std::push_heap(worst_.begin(), worst_.end(), Farther);
    if (worst_.size() <= n_worst_) return;
    std::pop_heap(worst_.begin(), worst_.end(), Farther);
    worst_.pop_back();
  }
  CosineDistances summary() const { return {count_ > 0 ? sum_ / static_cast<double>(count_) : 0, max_}; }
  std::vector<MovedRow> TakeWorst() {
    std::sort(worst_.begin(), worst_.end(), Farther);
    return std::move(worst_);
  }

 private:
  static bool Farther(const MovedRow& a, const MovedRow& b) {
    return a.distance != b.distance ? a.distance > b.distance : a.row.before < b.row.before;
  }

  uint32_t n_worst_;
  double sum_ = 0, max_ = 0;
  uint64_t count_ = 0;
  std::vector<MovedRow> worst_;  // a heap, the nearest of them in front
};

// Row `row` as a unit vector into `out`, padded with zeros; false when it is zeros.
bool UnitRow(const RowTable& table, uint32_t row, Eigen::Ref<Eigen::RowVectorXd> out) {
  const auto values = table.values.subspan(size_t{row} * table.dim, table.dim);
  out.setZero();
  for (uint32_t j = 0; j < table.dim; ++j) out[j] = values[j];
  const double norm = out.norm();
  if (norm > 0) out /= norm;
  return norm > 0;
}

// The unit vectors of a block of pairs, both zeros where one side has none.
struct UnitPairs {
  UnitPairs(const RowTable& old_rows, const RowTable& new_rows, std::span<const RowPair> pairs)
      : before(static_cast<Eigen::Index>(pairs.size()), std::max(old_rows.dim, new_rows.dim)),
        after(before.rows(), before.cols()),
        sides(pairs.size()) {
    Eigen::RowVectorXd row(before.cols());
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      sides[i] = UnitRow(old_rows, pairs[i].before, row) ? 1 : 0;
      before.row(at) = row;
      sides[i] += UnitRow(new_rows, pairs[i].after, row) ? 1 : 0;
      after.row(at) = row;
      if (sides[i] == 2) continue;
      before.row(at).setZero();
      after.row(at).setZero();
    }
  }

  Block before, after;
  std::vector<int> sides;  // how many have a vector
};

template <typename Use>
void ForEachBlock(std::span<const RowPair> pairs, const Use& use) {
  for (size_t begin = 0; begin < pairs.size(); begin += kBlockRows) {
    use(pairs.subspan(begin, std::min(kBlockRows, pairs.size() - begin)));
  }
}

void AddBlock(const Block& before, const Block& after, const std::vector<int>& sides, std::span<const RowPair> pairs,
              Distances* distances) {
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    // Of unit vectors 1 − cos = ‖a − b‖² / 2, which is exactly 0 where they are the same.
    if (sides[i] == 2) distances->Add(pairs[i], (before.row(at) - after.row(at)).squaredNorm() / 2);
    if (sides[i] == 1) distances->Add(pairs[i], 1);
  }
}

double RowNorm(std::span<const float> weights) {
  double sum = 0;
  for (const float w : weights) sum += static_cast<double>(w) * w;
  return std::sqrt(sum);
}

// ‖a/‖a‖ − b/‖b‖‖² / 2 with a's columns renamed.
double SparseDistance(const RowsView& before, const RowsView& after, std::span<const uint32_t> columns,
                      const RowPair& pair, std::vector<std::pair<uint32_t, double>>* work) {
  const auto add = [&](const RowsView& rows, uint32_t row, double scale, bool rename) {
    const auto values = rows.Row(row);
    const auto weights = rows.RowWeights(row);
    for (size_t p = 0; p < values.size(); ++p) {
      const uint32_t column = rename && !columns.empty() ? columns[values[p]] : values[p];
      work->emplace_back(column, scale * weights[p]);
    }
  };
  work->clear();
  add(before, pair.before, 1 / RowNorm(before.RowWeights(pair.before)), true);
  add(after, pair.after, -1 / RowNorm(after.RowWeights(pair.after)), false);
  std::stable_sort(work->begin(), work->end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  double sum = 0;
  for (size_t i = 0; i < work->size();) {
    const uint32_t column = (*work)[i].first;
    double difference = 0;
    for (; i < work->size() && (*work)[i].first == column; ++i) {
      // Columns that the new rows do not have are different ones.
      if (column == kNoSuchColumn) {
        sum += (*work)[i].second * (*work)[i].second;
      } else {
        difference += (*work)[i].second;
      }
    }
    sum += difference * difference;
  }
  return sum / 2;
}

}  // namespace

RowDrift CompareRows(const RowTable& before, const RowTable& after, std::span<const RowPair> pairs, uint32_t n_worst) {
  RowDrift out;
  const uint32_t dim = std::max(before.dim, after.dim);
  const bool align = dim <= kMaxAlignedDim;
  Eigen::MatrixXd cross = Eigen::MatrixXd::Zero(align ? dim : 0, align ? dim : 0);
  Distances raw(align ? 0 : n_worst);
  ForEachBlock(pairs, [&](std::span<const RowPair> block) {
    const UnitPairs units(before, after, block);
    for (const int sides : units.sides) ++(sides > 0 ? out.compared : out.without_vector);
    AddBlock(units.before, units.after, units.sides, block, &raw);
    if (align) cross.noalias() += units.after.transpose() * units.before;
  });
  out.raw = raw.summary();
  if (!align || out.compared == 0) {
    out.worst = raw.TakeWorst();
    return out;
  }
  const Eigen::MatrixXd rotation = ProcrustesRotation(cross);
  Distances aligned(n_worst);
  ForEachBlock(pairs, [&](std::span<const RowPair> block) {
    const UnitPairs units(before, after, block);
    AddBlock(units.before, units.after * rotation, units.sides, block, &aligned);
  });
  out.aligned = aligned.summary();
  out.worst = aligned.TakeWorst();
  return out;
}

RowDrift CompareSparseRows(const RowsView& before, const RowsView& after, std::span<const uint32_t> columns,
                           std::span<const RowPair> pairs, uint32_t n_worst) {
  RowDrift out;
  Distances raw(n_worst);
  std::vector<std::pair<uint32_t, double>> work;
  for (const RowPair& pair : pairs) {
    const bool has_before = RowNorm(before.RowWeights(pair.before)) > 0;
    const bool has_after = RowNorm(after.RowWeights(pair.after)) > 0;
    if (!has_before && !has_after) {
      ++out.without_vector;
      continue;
    }
    ++out.compared;
    raw.Add(pair, has_before && has_after ? SparseDistance(before, after, columns, pair, &work) : 1);
  }
  out.raw = raw.summary();
  out.worst = raw.TakeWorst();
  return out;
}

}  // namespace kindred
