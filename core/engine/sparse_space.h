// Spaces of sparse rows: a subject is a weight c_i for each item of its history, and score(j) = Σ_i c_i K_ij with
// K_ij = row_i · row_j (content, by way of the features that occur) or S_ij (neighbors). Exact, by accumulating
// postings. On the category rung the rows of the item's categories (category_rows.h), added up, stand for the row of i.
// Views; immutable and thread-safe, scratch is per thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/fold_in.h"
#include "core/engine/rows_view.h"
#include "core/topk/topk_scan.h"

namespace kindred {

struct SparseSpace {
  bool neighbors = false;              // else content
  RowsView rows;                       // [n_items × dim]
  RowsView columns;                    // [dim × n_items], of content only
  std::span<const float> norms;        // [n_items] 1/‖row‖, of content only
  std::span<const float> multipliers;  // norms where the space ranks by cosine, else empty
  std::span<const float> prior;        // at least [n_items], or empty
  uint32_t n_items = 0, dim = 0;
  RowsView item_categories;  // [n_items × n_categories]
  RowsView category_rows;    // [n_categories × dim], or empty: no category rung
};

// Whose rows a subject's weights speak of: those of the items themselves or of their categories.
enum class RowsBy : uint8_t { kItem, kCategory };

struct SparseScratch {
  std::vector<double> query;      // [dim], zero between uses
  std::vector<uint32_t> touched;  // features of the query
  std::vector<double> scores;     // [n_items]
  std::vector<ScoredItem> results;
  std::vector<ItemWeight> other;  // one more history
};

// Makes the weights (distinct items, ascending; already transformed) what a fold-in gives: of content, divided by the
// norm of Σ c_i row_i. By category, c_i = w_i / Σ w_i k_i before that, with k_i the categories of i that have a row;
// items without any are left out. Clears the weights when they say nothing in this space or are not finite.
// O(non-zeros of the rows).
void NormalizeCoefficients(const SparseSpace& space, RowsBy rows, SparseScratch* scratch,
                           std::vector<ItemWeight>* coefficients);

// *into = a·into + b·from, by ascending item.
void MergeCoefficients(double a, double b, std::span<const ItemWeight> from, std::vector<ItemWeight>* work,
                       std::vector<ItemWeight>* into);

struct SparseQuery {
  std::span<const ItemWeight> coefficients;
  std::span<const float> multipliers;  // [n_items] or empty
  std::span<const float> prior;        // [n_items] or empty
  float prior_weight = 0;
  uint32_t k = 0;
  std::span<const uint64_t> allowed{};   // bitmap over items, a word for 64; empty: all
  std::span<const uint32_t> excluded;    // ascending
  std::span<const uint32_t> candidates;  // ascending; with `restricted` only these
  bool restricted = false;
};

// Σ c_i K_ij of every item j into scratch->scores: [n_items]. O(postings met + n_items).
void SumPostings(const SparseSpace& space, RowsBy rows, std::span<const ItemWeight> coefficients,
                 SparseScratch* scratch);

// The best k in order, score descending, item index ascending among equals; score = float(multiplier · Σ c_i K_ij),
// which is summed in double, + prior_weight·prior in f32. Lives in `scratch` until its next use. O(postings met +
// n_items); no allocation once `scratch` has met the space. REQUIRES: candidates below n_items.
std::span<const ScoredItem> SparseTopK(const SparseSpace& space, const SparseQuery& query, SparseScratch* scratch);

// K_ij. O(non-zeros of rows i and j), by category O(categories of i · non-zeros of row j · log).
double SparseKernel(const SparseSpace& space, uint32_t i, uint32_t j, RowsBy rows = RowsBy::kItem);

}  // namespace kindred
