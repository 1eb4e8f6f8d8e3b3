#include "trainer/families/content_features.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "trainer/linalg/sparse_ops.h"

namespace kindred {
namespace {

SparseMatrix Empty(uint32_t rows) {
  SparseMatrix out;
  out.rows = rows;
  out.offsets.assign(size_t{rows} + 1, 0);
  return out;
}

SparseMatrix OneHot(const ItemTable& items, uint32_t n_items) {
  if (items.categories.empty()) return Empty(n_items);
  SparseMatrix out;
  out.rows = n_items;
  out.cols = static_cast<uint32_t>(items.category_ids.size());
  for (const std::vector<uint32_t>& categories : items.categories) {
    out.indices.insert(out.indices.end(), categories.begin(), categories.end());
    out.values.resize(out.indices.size(), 1.0);
    out.offsets.push_back(out.nnz());
  }
  return out;
}

// Scaled in place; false when the column has fewer than two distinct values.
bool Scale(Scaling scaling, std::vector<double>* column) {
  double sum = 0, smallest = std::numeric_limits<double>::infinity(), largest = -smallest;
  uint64_t known = 0;
  for (double x : *column) {
    if (std::isnan(x)) continue;
    ++known;
    sum += x;
    smallest = std::min(smallest, x);
    largest = std::max(largest, x);
  }
  if (known == 0 || smallest == largest) return false;
  double shift = smallest, width = largest - smallest;
  if (scaling == Scaling::kStandard) {
    shift = sum / static_cast<double>(known);
    double squares = 0;
    for (double x : *column) squares += std::isnan(x) ? 0 : (x - shift) * (x - shift);
    width = std::sqrt(squares / static_cast<double>(known));
  }
  for (double& x : *column) x = (x - shift) / width;
  return true;
}

SparseMatrix Numbers(const ItemTable& items, uint32_t n_items, Scaling scaling, std::vector<std::string>* notes) {
  std::vector<std::vector<double>> columns;
  for (const auto& [name, values] : items.attributes) {
    std::vector<double> column(values.begin(), values.end());
    if (Scale(scaling, &column)) {
      columns.push_back(std::move(column));
    } else {
      notes->push_back(absl::StrFormat("attribute '%s' is left out of the features: it has %s", name,
                                       std::all_of(values.begin(), values.end(), [](float x) { return std::isnan(x); })
                                           ? "no value"
                                           : "one value only"));
    }
  }
  SparseMatrix out;
  out.rows = n_items;
  out.cols = static_cast<uint32_t>(columns.size());
  for (uint32_t item = 0; item < n_items; ++item) {
    for (uint32_t j = 0; j < out.cols; ++j) {
      const double x = columns[j][item];
      if (std::isnan(x) || x == 0) continue;
      out.indices.push_back(j);
      out.values.push_back(x);
    }
    out.offsets.push_back(out.nnz());
  }
  return out;
}

SparseMatrix Weighted(SparseMatrix block, double weight) {
  if (weight == 0) return Empty(block.rows);
  for (double& value : block.values) value *= weight;
  return block;
}

}  // namespace

ContentFeatures MakeContentFeatures(const ItemTable& items, uint32_t n_items, const ContentFeatureOptions& options) {
  ContentFeatures out;
  SparseMatrix blocks[3] = {Empty(n_items), Empty(n_items), Empty(n_items)};
  if (!items.texts.empty()) blocks[0] = Weighted(MakeTfidf(items.texts, options.text).values, options.text_weight);
  blocks[1] = Weighted(NormalizedRows(OneHot(items, n_items)), options.category_weight);
  blocks[2] = Weighted(Numbers(items, n_items, options.scaling, &out.notes), options.attribute_weight);
  out.words = blocks[0].cols;
  out.categories = blocks[1].cols;
  out.numbers = blocks[2].cols;
  if (!items.texts.empty() && out.words == 0 && options.text_weight > 0) {
    out.notes.emplace_back(
        "the texts of the items give no word; check the text columns, min_df, max_df and stop words");
  }
  out.values = NormalizedRows(StackColumns(blocks));
  for (uint32_t item = 0; item < n_items; ++item) out.items_without += out.values.RowIndices(item).empty() ? 1 : 0;
  if (out.items_without == n_items) {
    out.notes.emplace_back(
        "no item has a usable feature: the space knows nothing and requests fall back to popularity; give --items with "
        "text, category or attribute columns");
  } else if (out.items_without > 0) {
    out.notes.push_back(absl::StrFormat("%d of %d items have no feature and are recommended by their prior only",
                                        out.items_without, n_items));
  }
  return out;
}

}  // namespace kindred
